"""The user service, which knows where users are reached."""

import grpc

from chassis.grpc.client import Remote
from notification_service.domain import Recipient
from notification_service.pb.user_service_pb2 import GetUserRequest
from notification_service.pb.user_service_pb2_grpc import UserServiceStub

TIMEOUT_SECONDS = 4.0
_NOBODY = {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}


class RemoteUsers:
    """Implements `notification_service.service.Users`."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._stub = UserServiceStub(remote.channel)

    async def find(self, user_id: str) -> Recipient | None:
        """Ask where a user is reached; None if there is no such user.

        Raises:
            UnavailableError: it does not answer, after retries too, or is left alone for a while after many failures.
        """
        try:
            user = await self._remote.call(self._stub.GetUser, GetUserRequest(id=user_id))
        except grpc.aio.AioRpcError as error:
            if error.code() in _NOBODY:
                return None
            raise
        return Recipient(user.email, user.name)
