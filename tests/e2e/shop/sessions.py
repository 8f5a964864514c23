"""A session that begins at one replica of the user service, goes on at another, and ends for both; prints it as JSON.

Runs in a pod, in the user service's image, whose stubs it uses.
"""

import json
import os
import secrets
import sys
from uuid import uuid4

import grpc
from google.protobuf.json_format import MessageToDict
from user_service.pb.user_service_pb2 import CreateUserRequest, GetSessionRequest, LoginRequest, LogoutRequest
from user_service.pb.user_service_pb2_grpc import UserServiceStub

SECONDS = 20
email, password = f"{uuid4().hex}@shop.test", secrets.token_urlsafe(16)

with (
    grpc.insecure_channel(os.environ["ONE"]) as one_channel,
    grpc.insecure_channel(os.environ["OTHER"]) as other_channel,
):
    one, other = UserServiceStub(one_channel), UserServiceStub(other_channel)
    create = CreateUserRequest(email=email, name="Ada", password=password, idempotency_key=uuid4().hex)
    user = one.CreateUser(create, timeout=SECONDS, wait_for_ready=True)
    begun = one.Login(LoginRequest(email=email, password=password), timeout=SECONDS)
    session = GetSessionRequest(session_id=begun.session_id)
    read = other.GetSession(session, timeout=SECONDS, wait_for_ready=True)
    other.Logout(LogoutRequest(session_id=begun.session_id), timeout=SECONDS)
    try:
        one.GetSession(session, timeout=SECONDS)
        afterwards = grpc.StatusCode.OK.name
    except grpc.RpcError as error:
        afterwards = error.code().name
sys.stdout.write(json.dumps({"user": user.id, "read": MessageToDict(read), "afterwards": afterwards}) + "\n")
