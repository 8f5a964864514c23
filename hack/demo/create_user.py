"""Creates a user. Run in the user service's own environment, with the client generated there.

Usage: python create_user.py HOST:PORT EMAIL --traceparent VALUE. Prints the user as JSON; exits with 1 and the gRPC
status if there is no answer.
"""

import argparse
import json
import secrets
import sys

import grpc
from google.protobuf.json_format import MessageToDict
from user_service.pb.user_service_pb2 import CreateUserRequest
from user_service.pb.user_service_pb2_grpc import UserServiceStub

SECONDS = 20


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="create_user.py", description=__doc__)
    parser.add_argument("address")
    parser.add_argument("email")
    parser.add_argument("--traceparent", required=True)
    given = parser.parse_args()
    request = CreateUserRequest(email=given.email, name="Ada", password=secrets.token_urlsafe(16))
    with grpc.insecure_channel(given.address) as channel:
        try:
            user = UserServiceStub(channel).CreateUser(
                request, timeout=SECONDS, wait_for_ready=True, metadata=(("traceparent", given.traceparent),)
            )
        except grpc.RpcError as error:
            sys.stderr.write(f"{error.code().name}: {error.details()}\n")
            return 1
    sys.stdout.write(json.dumps(MessageToDict(user)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
