// Command peer is what the tests run in pods: `serve` answers on port 8080 with its host name, `get URL` prints an
// answer, `whoami` asks the Kubernetes API with the pod's service account, `resolve NAME` prints addresses.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	log.SetFlags(0)
	switch os.Args[1] {
	case "serve":
		host, _ := os.Hostname()
		http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			log.Printf("asked for %s", r.URL.Path)
			fmt.Fprintln(w, host)
		})
		log.Fatal(http.ListenAndServe(":8080", nil))
	case "get":
		show(&http.Client{Timeout: 5 * time.Second}, must(http.NewRequest("GET", os.Args[2], nil)))
	case "resolve":
		fmt.Println(strings.Join(must(net.LookupHost(os.Args[2])), " "))
	case "whoami":
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(must(os.ReadFile(account + "ca.crt")))
		body := strings.NewReader(`{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}`)
		url := "https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews"
		request := must(http.NewRequest("POST", url, body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+string(must(os.ReadFile(account+"token"))))
		show(&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, request)
	}
}

func show(client *http.Client, request *http.Request) {
	answer := must(client.Do(request))
	fmt.Print(string(must(io.ReadAll(answer.Body))))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
