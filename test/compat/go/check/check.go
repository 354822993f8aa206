// Package check is a tiny check runner: one JSON line a check, which the TypeScript side turns into tests.
package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Limit is how long one check may take, and one wait within it.
const Limit = 60 * time.Second

// Check is one fact about the broker; Run panics, by the functions below, where it does not hold.
type Check struct {
	Name string
	Run  func()
}

type line struct {
	Check  string `json:"check"`
	Ok     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Ms     int64  `json:"ms"`
}

// All runs the checks one after the other and prints their outcomes. ONLY=TEXT runs those with that in their names.
func All(checks []Check) {
	for _, one := range checks {
		if !strings.Contains(one.Name, os.Getenv("ONLY")) {
			continue
		}
		outcome := make(chan line, 1)
		began := time.Now()
		go func() { outcome <- run(one) }()
		select {
		case told := <-outcome:
			told.Ms = time.Since(began).Milliseconds()
			tell(told)
		case <-time.After(2 * Limit):
			tell(line{Check: one.Name, Detail: fmt.Sprintf("not over after %s", 2*Limit)})
		}
	}
}

func run(one Check) (told line) {
	told = line{Check: one.Name, Ok: true}
	defer func() {
		if thrown := recover(); thrown != nil {
			told = line{Check: one.Name, Detail: fmt.Sprintf("%v\n%s", thrown, stack())}
		}
	}()
	one.Run()
	return told
}

// stack is where it was thrown: the lines after the panic's own.
func stack() string {
	text := debug.Stack()
	if at := bytes.Index(text, []byte("panic(")); at >= 0 {
		text = text[at:]
	}
	return string(text[:min(len(text), 3000)])
}

func tell(told line) {
	text, _ := json.Marshal(told)
	fmt.Println(string(text))
}

// No panics if there is an error.
func No(err error, doing ...any) {
	if err != nil {
		panic(fmt.Sprintf("%s: %v", fmt.Sprint(doing...), err))
	}
}

// Must is the value of a call that may not fail.
func Must[T any](value T, err error) T {
	No(err)
	return value
}

// That panics unless it is so.
func That(so bool, format string, args ...any) {
	if !so {
		panic(fmt.Sprintf(format, args...))
	}
}

// Equal panics unless both are deeply equal.
func Equal[T any](got, wanted T, what string) {
	if !reflect.DeepEqual(got, wanted) {
		text := fmt.Sprintf("%s: got %v, expected %v", what, got, wanted)
		panic(text[:min(len(text), 3000)])
	}
}

// Until asks until it is so, every 20 ms, and panics after Limit.
func Until(what string, so func() bool) {
	for end := time.Now().Add(Limit); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			panic("waited " + Limit.String() + " for " + what)
		}
	}
}

var counter int

// Unique is a name that no other check of any run uses.
func Unique(prefix string) string {
	counter++
	return fmt.Sprintf("%s-%s%s%d", prefix, strconv.FormatInt(time.Now().UnixMilli(), 36), strconv.FormatInt(int64(os.Getpid()), 36), counter)
}
