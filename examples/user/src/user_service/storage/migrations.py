"""The indexes of the database, one step after the other (SU-7).

They only add: the release before keeps working. What is no longer needed goes in a later, separate step.
"""

from chassis.mongo.client import Database
from chassis.mongo.migrate import Migration
from user_service.storage.users import USERS


async def _email(database: Database) -> None:
    await database[USERS].create_index("email", unique=True, name="users_email")


async def _idempotency_key(database: Database) -> None:
    # Sparse: those who were made without a key have no entry, so they are not in each other's way.
    await database[USERS].create_index("origin.key", unique=True, sparse=True, name="users_origin_key")


MIGRATIONS = [
    Migration("0001", "an e-mail address belongs to one user", _email),
    Migration("0002", "an idempotency key makes one user", _idempotency_key),
]
