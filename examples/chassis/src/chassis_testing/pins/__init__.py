"""Every version the tests run against, in this folder: those of jars in the POMs, all others here."""

from pathlib import Path

POSTGRESQL = "15"  # Debian 12 has it, and no other; with it come Redis 7.0 and RabbitMQ 3.10
JAVA = "17"  # the oldest that Kafka's broker runs on
STRIPE_MOCK = "github.com/stripe/stripe-mock@v0.203.0"
GHZ = "github.com/bojand/ghz/cmd/ghz@v0.93.0"

_FOLDER = Path(__file__).parent
KAFKA_POM = _FOLDER / "kafka.pom.xml"
MONGODB_POM = _FOLDER / "mongodb.pom.xml"
MONGODB_LAUNCHER = _FOLDER / "StoredMongoServer.java"
