#!/usr/bin/env bash
# Usage: GO=go tools/finagle/bench.sh [WARM-UP-SECONDS]
#
# Binds the names of dtab/testdata/names.txt with Kibble, and with Finagle's own
# evaluator on a JVM that has warmed up, in one run. Both check first that the names
# mean what the file says; both look in maps of what exists, make the bound name of what
# they find, and have 1 GiB of memory. It prints what each binding takes, the least of 20
# tries, and the ratio. It takes a JDK (16 or later) and Maven, which fetches Finagle;
# without them it says so and does nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in javac java mvn; do
  command -v "$tool" >/dev/null || { echo "finagle: skipped, there is no $tool (a JDK and Maven are needed)"; exit 0; }
done

go=${GO:-go}
dir=$PWD/.bin/finagle
checked() { (cd "$dir/jars" 2>/dev/null && sha256sum --check --quiet --strict ../../../tools/finagle/jars.sha256); }
if ! checked 2>/dev/null; then
  rm -rf "$dir/jars"
  mvn -B -q -f tools/finagle/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/jars" >&2
  checked || { echo "finagle: what was fetched is not what tools/finagle/jars.sha256 says" >&2; exit 1; }
fi
rm -rf "$dir/classes"
javac -d "$dir/classes" -cp "$dir/jars/*" tools/finagle/src/*.java tools/finagle/src/io/buoyant/*.java tools/finagle/src/io/buoyant/http/*.java
"$go" test -c -o "$dir/dtab.test" ./dtab

java -version 2>&1 | head -1
jvm=$(java -Xms1g -Xmx1g -XX:+UseParallelGC -cp "$dir/classes:$dir/jars/*" Finagle dtab/testdata/names.txt "${1:-15}" 20)
kibble=$(cd dtab && GOGC=off GOMEMLIMIT=1GiB "$dir/dtab.test" -test.run '^TestNames$' -test.bench '^BenchmarkNames$' -test.benchtime 100ms -test.count 20)
printf '%s\n%s\n' "$jvm" "$kibble" | awk '
  { name = $1; sub(/^[^\/]*\//, "", name); sub(/-[0-9]+$/, "", name) }
  /^BenchmarkFinagle/ && !(name in jvm) { order[n++] = name }
  /^BenchmarkFinagle/ && (!(name in jvm) || $3 < jvm[name]) { jvm[name] = $3 }
  /^BenchmarkNames/ && (!(name in kibble) || $3 < kibble[name]) { kibble[name] = $3 }
  END {
    printf "%-20s %12s %12s %8s\n", "name", "Finagle, ns", "Kibble, ns", "times"
    for (i = 0; i < n; i++) {
      printf "%-20s %12.0f %12.0f %8.1f\n", order[i], jvm[order[i]], kibble[order[i]], jvm[order[i]] / kibble[order[i]]
      logs += log(jvm[order[i]] / kibble[order[i]])
    }
    printf "%-20s %34.1f\n", "geometric mean", exp(logs / n)
  }'
