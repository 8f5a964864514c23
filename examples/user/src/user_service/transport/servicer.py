"""The gRPC service: messages in, domain calls, messages out. Errors become statuses in the chassis's interceptor."""

from datetime import datetime
from typing import Any

import structlog
from google.protobuf.timestamp_pb2 import Timestamp

from user_service.domain import Change, Session, User
from user_service.logins import Logins
from user_service.pb import user_service_pb2 as pb
from user_service.pb.user_service_pb2_grpc import UserServiceServicer
from user_service.service import Users, parse_id


class UserServicer(UserServiceServicer):
    """Implements `shop.user.v1.UserService`."""

    def __init__(self, users: Users, logins: Logins) -> None:
        self._users = users
        self._logins = logins

    async def CreateUser(self, request: pb.CreateUserRequest, _context: Any) -> pb.User:  # noqa: N802
        """Store a new user."""
        key = request.idempotency_key if request.HasField("idempotency_key") else None
        user = await self._users.create(request.email, request.name, request.password, key)
        _about(str(user.id))
        return _user(user)

    async def GetUser(self, request: pb.GetUserRequest, _context: Any) -> pb.User:  # noqa: N802
        """Return one user."""
        _about(request.id)
        return _user(await self._users.get(request.id))

    async def UpdateProfile(self, request: pb.UpdateProfileRequest, _context: Any) -> pb.User:  # noqa: N802
        """Change what is set, of a user of that version."""
        _about(request.id)
        change = Change(
            name=request.name if request.HasField("name") else None,
            email=request.email if request.HasField("email") else None,
        )
        return _user(await self._users.change(request.id, request.version, change))

    async def Login(self, request: pb.LoginRequest, _context: Any) -> pb.LoginResponse:  # noqa: N802
        """Begin a session."""
        before = request.session_id if request.HasField("session_id") else None
        login = await self._logins.login(request.email, request.password, before)
        return pb.LoginResponse(session_id=login.session_id, session=_session(login.session), user=_user(login.user))

    async def GetSession(self, request: pb.GetSessionRequest, _context: Any) -> pb.Session:  # noqa: N802
        """Return a session that goes on."""
        return _session(await self._logins.session(request.session_id))

    async def Logout(self, request: pb.LogoutRequest, _context: Any) -> pb.LogoutResponse:  # noqa: N802
        """End a session."""
        await self._logins.logout(request.session_id)
        return pb.LogoutResponse()


def _about(user_id: str) -> None:
    """Name the user in the lines of this request (LG-4); what can be no id is not written there."""
    if known := parse_id(user_id):
        structlog.contextvars.bind_contextvars(user_id=str(known))


def _user(user: User) -> pb.User:
    return pb.User(
        id=str(user.id),
        email=user.email,
        name=user.name,
        version=user.version,
        created_at=_timestamp(user.created_at),
    )


def _session(session: Session) -> pb.Session:
    return pb.Session(
        user_id=str(session.user_id),
        created_at=_timestamp(session.created_at),
        expires_at=_timestamp(session.expires_at),
    )


def _timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message
