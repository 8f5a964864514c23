"""Where MongoDB is, and how many connections one process may have."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from chassis.settings import ServiceSettings

# An unescaped '@' or '/' in a password would move the rest of it into the hosts, and from there into error messages.
_URL = re.compile(
    r"mongodb(?P<srv>\+srv)?://([^@/]*@)?(?P<hosts>[A-Za-z0-9._:,\[\]-]+)/(?P<database>[\w-]+)(\?.*)?", re.ASCII
)


class MongoSettings(ServiceSettings):
    """The variables of a service with a MongoDB."""

    mongo_url: SecretStr
    mongo_pool_max_open: Annotated[int, Field(ge=1)] = 25

    @field_validator("mongo_url")
    @classmethod
    def _is_mongodb(cls, value: SecretStr) -> SecretStr:
        _parse(value.get_secret_value())
        return value

    @property
    def mongo_place(self) -> str:
        """The database and where it is, for messages; without user and password."""
        found = _parse(self.mongo_url.get_secret_value())
        return f"{found['database']} at {found['hosts']}"


def _parse(url: str) -> re.Match[str]:
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError(
            "must be like mongodb://user:password@host:port/database; percent-encode special characters in the password"
        )
    if not found["srv"]:  # what such a name stands for is looked up when it is connected to
        try:
            parse_uri(url)
        except (PyMongoError, ValueError):  # whatever it is, its message may quote the URL
            raise ValueError("is not a valid URL of MongoDB; look at its options") from None
    return found
