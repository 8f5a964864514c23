package main

import (
	_ "github.com/coredns/coredns/core/dnsserver" // the caddy server type "dns"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache" // only the plugins hack/cluster's Corefile names
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/ready"
)

func runCoreDNS() {
	coremain.Run()
}
