"""Plans against the operator as a process, a real API server and the real controllers."""
