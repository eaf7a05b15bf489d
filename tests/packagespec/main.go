// Command packagespec checks integration packages, as folders or zip files, with Elastic's validator.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/elastic/package-spec/v3/code/go/pkg/validator"
)

func main() {
	paths := os.Args[1:]
	if len(paths) == 0 {
		fmt.Fprintln(os.Stderr, "usage: packagespec FOLDER-OR-ZIP...")
		os.Exit(2)
	}
	for _, path := range paths {
		if err := validate(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
		fmt.Printf("%s is valid\n", path)
	}
}

func validate(path string) error {
	if strings.HasSuffix(path, ".zip") {
		return validator.ValidateFromZip(path)
	}
	return validator.ValidateFromPath(path)
}
