"""The provider `node`: a whole Kubernetes node with its control plane in one isolated process tree."""
