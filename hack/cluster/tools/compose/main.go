// Command compose reads a Compose file from standard input and writes it to standard output as `docker compose config`
// does: loaded by the library that Docker Compose is made of, checked, interpolated from this process's environment and
// normalised; as JSON. If the file is wrong, it says how on standard error and ends with 1.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	project, err := load()
	if err == nil {
		_, err = os.Stdout.Write(project)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load() ([]byte, error) {
	options, err := cli.NewProjectOptions([]string{"-"}, cli.WithOsEnv)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}
