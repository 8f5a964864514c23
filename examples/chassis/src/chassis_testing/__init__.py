"""Real backing services for tests: processes of this machine, no mocks and no containers.

The fixtures of `chassis_testing.plugin` start a server when the first test asks for it and end it with the session:

    def test_orders_outlive_a_crash(postgresql: PostgreSQL) -> None:
        url = postgresql.database()     # a database of this test's own
        ...
        with postgresql.outage():       # killed as by a crash, and back with its data after the block
            ...

`python -m chassis_testing.install` installs the programs they need. Every server listens on 127.0.0.1 only, keeps its
data in a temporary folder, and can be stopped, killed and started again on the same port with the same data.
"""
