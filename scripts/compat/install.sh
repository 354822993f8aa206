#!/usr/bin/env bash
# Installs the foreign clients of test/compat into .cache (Python, Java, Go) and, where root may, Debian's programs. It does only
# what is missing, says what it does, and leaves out with a line what it cannot do: the suites then skip with the reason.
set -u
cd "$(dirname "$0")/../.."
cache="${COMPAT_CACHE:-$PWD/.cache}"
mkdir -p "$cache"
PATH="$PATH:/usr/sbin:/usr/local/go/bin"

say() { printf 'install: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

debian() {
  local packages=()
  has kcat || packages+=(kcat)
  has mosquitto || packages+=(mosquitto)
  has mosquitto_pub || packages+=(mosquitto-clients)
  has python3 && python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
  has javac || packages+=(openjdk-17-jdk-headless)
  has mvn || packages+=(maven)
  if ! has go; then
    # One that is too old to fetch a newer one is of no use.
    dpkg --compare-versions "$(apt-cache policy golang-go 2>/dev/null | sed -n 's/.*Candidate: //p')" ge 2:1.21 2>/dev/null && packages+=(golang-go)
  fi
  [ ${#packages[@]} -eq 0 ] && return
  if ! has apt-get || [ "$(id -u)" != 0 ]; then
    say "not installed, and only root may: ${packages[*]}"
    return
  fi
  say "apt-get install ${packages[*]}"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >"$cache/apt.txt" 2>&1 </dev/null ||
    say "apt-get failed: $(tail -n 2 "$cache/apt.txt" | tr '\n' ' ')"
}

python() {
  local manifest=test/compat/python/requirements.txt old="$cache/kafka-python-2.0.2"
  has python3 || { say 'no python3'; return; }
  if ! cmp -s "$manifest" "$cache/venv/requirements.txt"; then
    say "a Python environment with $(grep -v '^#' "$manifest" | tr '\n' ' ')"
    python3 -m venv --clear "$cache/venv" && "$cache/venv/bin/pip" install -q --disable-pip-version-check -r "$manifest" </dev/null &&
      cp "$manifest" "$cache/venv/requirements.txt" || { say 'pip failed'; rm -rf "$cache/venv"; return; }
  fi
  [ -d "$old" ] && return
  # The release that most installations still have, beside the newest one: found first by PYTHONPATH.
  say 'kafka-python 2.0.2'
  rm -rf "$old.part"
  "$cache/venv/bin/pip" install -q --disable-pip-version-check --no-deps --target "$old.part" kafka-python==2.0.2 </dev/null && mv "$old.part" "$old" || say 'pip failed'
}

# jars FOLDER ARGUMENT...: the dependencies of test/compat/java/pom.xml; a folder under its final name is complete.
jars() {
  local folder="$cache/java/$1"
  shift
  [ -d "$folder" ] && return
  say "Maven: ${folder##*/}"
  rm -rf "$folder.part"
  mvn -q -B -f test/compat/java/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory="$folder.part" "$@" </dev/null >&2 && mv "$folder.part" "$folder" || say "Maven failed for ${folder##*/}"
}

java_clients() {
  has mvn && has javac || { say 'no mvn or no javac'; return; }
  mkdir -p "$cache/java"
  jars clients-3.9.2 -Dkafka.version=3.9.2
  jars clients-4.1.2 -Dkafka.version=4.1.2
  jars clients-4.4.0 -Dkafka.version=4.4.0
  jars streams-4.3.1 -Pstreams -Dkafka.version=4.3.1
  jars tools-4.1.2 -Ptools -Dkafka.version=4.1.2
  mkdir -p "$cache/java/classes"
  if [ ! -e "$cache/java/classes/Compat.class" ] || [ -n "$(find test/compat/java/src -newer "$cache/java/classes/Compat.class" -name '*.java')" ]; then
    javac -nowarn -XDsuppressNotes -d "$cache/java/classes" -cp "$cache/java/clients-4.1.2/*:$cache/java/streams-4.3.1/kafka-streams-4.3.1.jar" test/compat/java/src/*.java || say 'javac failed'
  fi
}

# The programs of test/compat/go. A Go older than its go.mod wants fetches the newer one itself, from 1.21 on.
go_clients() {
  has go || { say 'no go'; return; }
  local folder="$cache/go"
  if [ -e "$folder/built" ] && [ -z "$(find test/compat/go -newer "$folder/built" \( -name '*.go' -o -name 'go.*' \))" ]; then return; fi
  say "the clients in Go, with $(go version)"
  mkdir -p "$folder"
  (cd test/compat/go && GOFLAGS=-buildvcs=false go build -o "$folder/" ./franz ./sarama ./segmentio) </dev/null >&2 && touch "$folder/built" ||
    { say 'go build failed'; rm -rf "$folder"; }
}

debian
python
java_clients
go_clients
