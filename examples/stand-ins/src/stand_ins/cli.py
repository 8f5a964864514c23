"""The command line: one program, one subcommand per stand-in."""

from chassis.program import Command, Program
from stand_ins.settings import MapsSettings, Settings

main = Program(
    name="stand-ins",
    service="stand_ins",
    purpose="Stands in for what the shop calls and does not own",
    settings=Settings,
    commands={
        "catalogue": Command("stand_ins.catalogue:run", "sell a few articles, over gRPC"),
        "maps": Command("stand_ins.maps:run", "answer as Google's Routes API does, by the straight line", MapsSettings),
        "spans": Command("stand_ins.spans:run", "take spans over OTLP's gRPC, and write each as a line"),
    },
)
