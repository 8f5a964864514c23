"""Where the programs of servers and load are. Nothing is installed here and nothing is run."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from chassis_testing.cache import Cached
from chassis_testing.errors import MissingProgramError
from chassis_testing.pins import GHZ, KAFKA_POM, MONGODB_LAUNCHER, MONGODB_POM, POSTGRESQL, STRIPE_MOCK

RABBITMQ_SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # those of /usr/sbin insist on Debian's own node and its user

KAFKA = Cached("kafka", (KAFKA_POM.read_bytes(),))
MONGODB = Cached("mongodb", (MONGODB_POM.read_bytes(), MONGODB_LAUNCHER.read_bytes()))
STRIPE = Cached("stripe-mock", (STRIPE_MOCK.encode(),))
LOAD = Cached("ghz", (GHZ.encode(),))


@dataclass(frozen=True)
class RabbitMQPrograms:
    """The broker's script, and the name server that every Erlang node needs."""

    server: Path
    epmd: Path


@dataclass(frozen=True)
class JavaProgram:
    """What `java` needs to run a class."""

    java: Path
    class_path: str

    def command(self, main: str, *arguments: str | Path, options: tuple[str, ...] = ()) -> list[str | Path]:
        """Run `main` with as little machinery as a short-lived server needs."""
        # Neither counters in /tmp nor compilation for the long run: a server of tests lives for seconds.
        fixed = ("-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
        return [self.java, *fixed, *options, "-cp", self.class_path, main, *arguments]


def postgresql() -> Path:
    """The folder with `initdb` and `postgres`: $POSTGRES_BIN, else Debian's.

    Raises:
        MissingProgramError: they are not there.
    """
    folder = Path(os.environ.get("POSTGRES_BIN") or f"/usr/lib/postgresql/{POSTGRESQL}/bin")
    if not (folder / "initdb").exists():
        hint = "no `initdb` of PostgreSQL {} in {} (set POSTGRES_BIN to the folder that has it)"
        raise MissingProgramError("postgresql", hint.format(POSTGRESQL, folder))
    return folder


def redis() -> Path:
    """The program `redis-server`.

    Raises:
        MissingProgramError: it is not on PATH.
    """
    return _on_path("redis-server", "redis")


def rabbitmq() -> RabbitMQPrograms:
    """The broker of Debian's package and Erlang's `epmd`.

    Raises:
        MissingProgramError: one of them is not there.
    """
    server = RABBITMQ_SCRIPTS / "rabbitmq-server"
    if not server.exists():
        raise MissingProgramError("rabbitmq", f"no `rabbitmq-server` in {RABBITMQ_SCRIPTS}")
    return RabbitMQPrograms(server, _on_path("epmd", "rabbitmq"))


def kafka() -> JavaProgram:
    """Java with the jars of Kafka's broker and tools.

    Raises:
        MissingProgramError: Java or the jars are not there.
    """
    if not KAFKA.there:
        raise MissingProgramError("kafka", f"no jars of Kafka in {KAFKA.folder}")
    return JavaProgram(java("kafka"), f"{KAFKA.folder}/*")


def mongodb() -> JavaProgram:
    """Java with the jars and the launcher of the server that speaks MongoDB's protocol.

    Raises:
        MissingProgramError: Java or the jars are not there.
    """
    if not MONGODB.there:
        raise MissingProgramError("mongodb", f"no jars of mongo-java-server in {MONGODB.folder}")
    return JavaProgram(java("mongodb"), f"{MONGODB.folder}:{MONGODB.folder}/*")


def stripe_mock() -> Path:
    """The program `stripe-mock`.

    Raises:
        MissingProgramError: it was not built.
    """
    if not STRIPE.there:
        raise MissingProgramError("stripe-mock", f"no stripe-mock in {STRIPE.folder}")
    return STRIPE.folder / "stripe-mock"


def ghz() -> Path:
    """The program `ghz`, which loads gRPC services (https://ghz.sh).

    Raises:
        MissingProgramError: it was not built.
    """
    if not LOAD.there:
        raise MissingProgramError("ghz", f"no ghz in {LOAD.folder}")
    return LOAD.folder / "ghz"


def java(service: str) -> Path:
    """The program `java`: $JAVA_HOME's, else the one on PATH.

    Raises:
        MissingProgramError: there is none, and `service` needs it.
    """
    if (home := os.environ.get("JAVA_HOME")) and (program := Path(home) / "bin/java").exists():
        return program
    return _on_path("java", service)


def _on_path(program: str, service: str) -> Path:
    if found := shutil.which(program):
        return Path(found)
    raise MissingProgramError(service, f"no `{program}` on PATH")
