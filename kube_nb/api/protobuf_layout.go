//go:build ignore

// Prints the protobuf layout of Kubernetes' API types, read off the struct tags of k8s.io/api, as protobuf.json has it.
// To renew it: in an empty module, `go get k8s.io/client-go@latest && go run protobuf_layout.go > protobuf.json`.
package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
)

type field = []any // number, JSON name, type, flags

var messages = map[string][]field{}

var special = map[string]string{
	"resource.Quantity": "Quantity", "v1.Time": "Time", "v1.MicroTime": "MicroTime", "v1.Duration": "Duration",
	"intstr.IntOrString": "IntOrString", "runtime.RawExtension": "Raw", "v1.FieldsV1": "Raw", "v1.JSON": "Raw",
}

func name(t reflect.Type) string {
	path := strings.TrimPrefix(strings.TrimPrefix(t.PkgPath(), "k8s.io/api/"), "k8s.io/apimachinery/pkg/apis/")
	return path + "." + t.Name()
}

func kind(t reflect.Type) string {
	for t.Kind() == reflect.Ptr {
		t = t.Elem()
	}
	if s, ok := special[t.String()]; ok && (strings.Contains(t.PkgPath(), "apimachinery") || t.String() == "v1.JSON") {
		return s
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Int32, reflect.Int64, reflect.Int, reflect.Uint32, reflect.Uint64, reflect.Uint8:
		return "int"
	case reflect.Bool:
		return "bool"
	case reflect.Float64:
		return "double"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		if t.Name() != "" { // a named list is a message with its items in field 1
			return "{" + kind(t.Elem()) + "}"
		}
		return "[" + kind(t.Elem())
	case reflect.Map:
		return "<" + kind(t.Elem())
	case reflect.Struct:
		walk(t)
		return name(t)
	}
	panic(t.String())
}

func walk(t reflect.Type) {
	if _, ok := messages[name(t)]; ok {
		return
	}
	messages[name(t)] = nil
	fields := []field{}
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := f.Tag.Get("protobuf")
		if tag == "" || tag == "-" {
			continue
		}
		number, _ := strconv.Atoi(strings.Split(tag, ",")[1])
		parts := strings.Split(f.Tag.Get("json"), ",")
		flags := ""
		for _, p := range parts[1:] {
			if p == "omitempty" && f.Type.Kind() != reflect.Ptr && f.Type.Kind() != reflect.Struct {
				flags = "z"
			}
		}
		k := kind(f.Type)
		if f.Type.Kind() == reflect.Slice && f.Type.Name() != "" && strings.HasPrefix(k, "{") && strings.Contains(tag, ",rep,") {
			k = "[" + k[1:len(k)-1]
		}
		fields = append(fields, field{number, parts[0], k, flags})
	}
	messages[name(t)] = fields
}

func main() {
	roots := map[string]string{}
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version == "__internal" || strings.HasSuffix(gvk.Kind, "List") || gvk.Kind == "WatchEvent" || t.Kind() != reflect.Struct {
			continue
		}
		if strings.HasSuffix(gvk.Kind, "Options") && gvk.Group != "" && gvk.Kind != "DeleteOptions" {
			continue
		}
		walk(t)
		roots[gvk.GroupVersion().String()+"/"+gvk.Kind] = name(t)
	}
	fmt.Println("{\"roots\": {")
	lines(roots)
	fmt.Println("}, \"messages\": {")
	lines(messages)
	fmt.Println("}}")
}

// lines prints a map with a line per entry, sorted, so that a newer release shows as a short diff.
func lines[T any](entries map[string]T) {
	names := []string{}
	for n := range entries {
		names = append(names, n)
	}
	sort.Strings(names)
	for i, n := range names {
		value, _ := json.Marshal(entries[n])
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Printf("%q: %s%s\n", n, value, comma)
	}
}
