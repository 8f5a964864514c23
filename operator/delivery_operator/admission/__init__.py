"""What the API server's admission would say of an object, without a cluster: `kubectl delivery validate`.

It evaluates the same CRDs and policies that the API server does; no rule is written here a second time. Each module
does what one part of the API server does, in its words (Kubernetes 1.36, k8s.io/apiextensions-apiserver and
k8s.io/kube-openapi). Beside the objects it is given it reads nothing, so it cannot know what only a cluster knows:
whether a name is taken, a namespace exists or a quota is left. Nor does it add up what a rule costs; the API server
checks at the CRD's creation that rules stay within the budget.
"""
