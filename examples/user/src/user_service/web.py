"""The process `web`: answers gRPC until it is told to stop."""

from contextlib import AsyncExitStack, closing
from datetime import timedelta
from functools import partial

from chassis.errors import CommandError
from chassis.grpc.server import Server
from chassis.mongo import client as mongo
from chassis.mongo.migrate import require
from chassis.redis import client as redis
from chassis.redis.limits import RateLimit
from chassis.running import running
from user_service import SERVICE
from user_service.domain import Lifetime
from user_service.logins import Logins
from user_service.passwords import Passwords
from user_service.pb.user_service_pb2 import DESCRIPTOR
from user_service.pb.user_service_pb2_grpc import add_UserServiceServicer_to_server
from user_service.service import Users
from user_service.settings import WebSettings
from user_service.storage.migrations import MIGRATIONS
from user_service.storage.sessions import RedisSessions
from user_service.storage.users import MongoUserRepository
from user_service.transport.servicer import UserServicer

FULL_NAME = DESCRIPTOR.services_by_name["UserService"].full_name
NAME = "user-web"


async def run(settings: WebSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: MongoDB or Redis does not answer at the start, the indexes are not there, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        documents = await stack.enter_async_context(mongo.opened(settings, NAME))
        store = await stack.enter_async_context(redis.opened(settings, NAME))
        try:
            await store.ping()
        except redis.RedisUnavailableError as error:
            raise CommandError(f"no redis: {error}") from error
        # Later on, Redis is not what readiness looks at: without it nobody logs in, and the rest goes on.
        process = await stack.enter_async_context(running(settings, SERVICE, {"mongodb": documents.ping}))
        await require(documents, MIGRATIONS)

        passwords = stack.enter_context(closing(_passwords(settings)))
        users = MongoUserRepository(documents)
        limits = {
            name: RateLimit(store, name, settings.rate_limit_requests, settings.rate_limit_seconds, strict=strict)
            for name, strict in (("api", False), ("login", True))
        }
        servicer = UserServicer(
            Users(users, passwords, limits["api"].allows),
            Logins(users, RedisSessions(store, _lifetime(settings)), passwords, limits["login"].allows),
        )
        server = Server(settings, SERVICE, FULL_NAME, process.readiness)
        server.add(partial(add_UserServiceServicer_to_server, servicer))
        await server.serve(settings.port, process.shutdown, metrics_port=process.metrics_port)


def _passwords(settings: WebSettings) -> Passwords:
    return Passwords(
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time_cost,
        parallelism=settings.argon2_parallelism,
        at_once=settings.passwords_at_once,
    )


def _lifetime(settings: WebSettings) -> Lifetime:
    return Lifetime(timedelta(seconds=settings.session_idle_seconds), timedelta(seconds=settings.session_max_seconds))
