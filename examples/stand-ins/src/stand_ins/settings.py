"""What the environment says to the stand-ins. Each field is the variable of the same name in capitals."""

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    """What each of them needs."""

    port: Port = 50051


class MapsSettings(Settings):
    """What the maps need besides."""

    port: Port = 8080
