// Walks a service as README.md of this directory says, with Go's own net/http.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func must(response *http.Response, err error) *http.Response {
	if err != nil {
		log.Fatal(err)
	}
	return response
}

func text(response *http.Response) string {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	return string(body)
}

func main() {
	base := os.Args[1]
	hello := must(http.Get(base + "/hello"))
	fmt.Println("get", hello.StatusCode, text(hello))
	fmt.Println("post", text(must(http.Post(base+"/count", "text/plain", strings.NewReader(strings.Repeat("x", 100_000))))))
	blocked := must(http.Get(base + "/blocked"))
	var refusal struct{ Error string }
	if err := json.Unmarshal([]byte(text(blocked)), &refusal); err != nil {
		log.Fatal(err)
	}
	fmt.Println("blocked", blocked.StatusCode, refusal.Error)
	lines := bufio.NewScanner(must(http.Get(base + "/stream/3")).Body)
	for lines.Scan() {
		fmt.Println(lines.Text())
	}
	fmt.Println("end")
}
