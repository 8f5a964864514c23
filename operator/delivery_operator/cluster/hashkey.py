"""The key with which secret values are hashed (invariant 8): a Secret of the operator's own, made at its first start.

A plain digest of a short secret can be reversed by trying; with a key that only the operator has, it can not. The key
must outlive the operator: with another key every release would look out of date.
"""

import base64
import secrets
from typing import Final

from delivery_operator.cluster.api import Api
from delivery_operator.cluster.errors import AlreadyExists, NotFound
from delivery_operator.cluster.resources import SECRETS
from delivery_operator.render.names import MANAGER

NAME: Final = "delivery-operator-hash-key"
_ENTRY: Final = "key"
_BYTES: Final = 32


class HashKeyUnusable(Exception):
    """The key's Secret is there but holds no usable key; says what to do."""


async def load(api: Api, namespace: str) -> bytes:
    """Read the key, or make it when there is none yet.

    Raises:
        HashKeyUnusable: the Secret lacks the key or its namespace does not exist.
        ApiError: the API server did not answer or refused.
    """
    try:
        return _key(await api.get(SECRETS, namespace, NAME), namespace)
    except NotFound:
        pass
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            "annotations": {
                "delivery.dev/purpose": "Hashes secret values to see changes. Keep it: see docs/how-to/operate.md"
            },
        },
        "type": "Opaque",
        "immutable": True,
        "data": {_ENTRY: base64.b64encode(secrets.token_bytes(_BYTES)).decode()},
    }
    try:
        return _key(await api.create(SECRETS, body), namespace)
    except AlreadyExists:  # another replica was faster
        return _key(await api.get(SECRETS, namespace, NAME), namespace)
    except NotFound as error:
        raise HashKeyUnusable(
            f"namespace {namespace} does not exist; create it, or set POD_NAMESPACE to the operator's own namespace"
        ) from error


def _key(secret: dict[str, object], namespace: str) -> bytes:
    data = secret.get("data")
    encoded = data.get(_ENTRY) if isinstance(data, dict) else None
    if not isinstance(encoded, str) or len(key := base64.b64decode(encoded)) < _BYTES:
        raise HashKeyUnusable(
            f"Secret {namespace}/{NAME} has no {_BYTES}-byte entry '{_ENTRY}'; restore it from a backup, or delete it: "
            "every service then makes one new release"
        )
    return key
