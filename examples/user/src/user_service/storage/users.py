"""Users in MongoDB, each one document.

What may not be twice is unique by an index, and a change names the version that it changes: each is one command on one
document, which is all or nothing also where there are no transactions.
"""

from typing import Any
from uuid import UUID, uuid4

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from chassis.mongo.client import Database, Documents
from user_service.domain import Account, Change, Origin, User
from user_service.errors import EmailTakenError
from user_service.service import Changed

Document = dict[str, Any]

USERS = "users"
_PUBLIC = {"email": 1, "name": 1, "version": 1, "created_at": 1}


class MongoUserRepository:
    """Implements `user_service.service.UserRepository`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def add(self, account: Account) -> Account:
        """Store a user once.

        Safe to repeat: the id is made before the first attempt, so one whose answer was lost is found again.
        """

        async def work(database: Database) -> Account:
            while True:  # until the limit of time, as long as others take the address and give it up again
                try:
                    await database[USERS].insert_one(_document(account))
                except DuplicateKeyError:
                    if stored := await _in_the_way(database, account):
                        return stored
                else:
                    return account

        return await self._documents.ask(work)

    async def find(self, user_id: UUID) -> User | None:
        """Return the user with this id."""

        async def work(database: Database) -> Document | None:
            return await database[USERS].find_one({"_id": user_id}, _PUBLIC)

        found = await self._documents.ask(work)
        return _user(found) if found else None

    async def find_by_key(self, key: str) -> Account | None:
        """Return who was made with this idempotency key."""
        return await self._account({"origin.key": key})

    async def find_by_email(self, email: str) -> Account | None:
        """Return who has this address."""
        return await self._account({"email": email})

    async def change(self, user_id: UUID, version: int, change: Change) -> Changed:
        """Change a user who is of this version.

        Safe to repeat: the document keeps the last change's own name, so one whose answer was lost is known again.
        """
        mark = uuid4()
        values = {key: value for key, value in (("name", change.name), ("email", change.email)) if value is not None}

        async def work(database: Database) -> Changed:
            changed = await database[USERS].find_one_and_update(
                {"_id": user_id, "version": version},
                {"$set": {**values, "changed_by": mark}, "$inc": {"version": 1}},
                return_document=ReturnDocument.AFTER,
            )
            if changed is None and (changed := await database[USERS].find_one({"_id": user_id})) is None:
                return Changed(None, applied=False)
            return Changed(_user(changed), applied=changed.get("changed_by") == mark)

        try:
            return await self._documents.ask(work)
        except DuplicateKeyError:
            raise EmailTakenError("email: belongs to somebody") from None

    async def renew(self, user_id: UUID, before: str, after: str) -> None:
        """Keep another hash of the password, unless that has been done by somebody else."""

        async def work(database: Database) -> None:
            await database[USERS].update_one({"_id": user_id, "password": before}, {"$set": {"password": after}})

        await self._documents.ask(work)

    async def _account(self, condition: Document) -> Account | None:
        async def work(database: Database) -> Document | None:
            return await database[USERS].find_one(condition)

        found = await self._documents.ask(work)
        return _account(found) if found else None


async def _in_the_way(database: Database, account: Account) -> Account | None:
    """Who has the id, else the idempotency key, else the address."""
    conditions: list[Document] = [{"_id": account.user.id}, {"email": account.user.email}]
    if account.origin is not None:
        conditions.insert(1, {"origin.key": account.origin.key})
    for condition in conditions:
        if found := await database[USERS].find_one(condition):
            return _account(found)
    return None


def _document(account: Account) -> Document:
    user = account.user
    document = {
        "_id": user.id,
        "email": user.email,
        "name": user.name,
        "version": user.version,
        "created_at": user.created_at,
        "password": account.password,
    }
    if account.origin is not None:
        origin = account.origin
        document["origin"] = {"key": origin.key, "email": origin.email, "name": origin.name}
    return document


def _user(document: Document) -> User:
    return User(document["_id"], document["email"], document["name"], document["version"], document["created_at"])


def _account(document: Document) -> Account:
    origin = document.get("origin")
    return Account(
        _user(document),
        document["password"],
        Origin(origin["key"], origin["email"], origin["name"]) if origin else None,
    )
