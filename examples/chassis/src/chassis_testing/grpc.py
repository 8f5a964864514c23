"""Runs a gRPC service as the platform does, and asks its health as the platform does."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis_testing.program import DEADLINE, RunningProgram


class RunningServer(RunningProgram):
    """A process of a service that answers gRPC."""

    async def health(self, service: str = "") -> str:
        """Its status by the name of a service, such as `SERVING`.

        Raises:
            grpc.aio.AioRpcError: it does not answer, or knows no such name.
        """
        async with grpc.aio.insecure_channel(self.address) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE
            )
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
