/** What `npm run bench -- --help` prints; defaults are those of options.mjs. */
export const help = `npm run bench -- [options]

Measures Posthorn on this machine: load generator, sink, the three apps and the database together.

What to measure
  --scenario NAME     sweep (default): throughput and latency of a base case, and of cases that differ from it in one thing;
                      neighbours: latency of healthy consumers beside a slow one with a backlog and one that refuses connections;
                      bare: in turns with the same statements in a bare loop that does nothing else
  --only WHICH        sweep, bare: throughput or latency
  --fan-out LIST      sweep: consumers of the channel (1,5,50; bare: 1,5); the first of each list belongs to the base case
  --payload LIST      bytes of a message (512,65536; neighbours, bare: 512)
  --dispatchers LIST  dispatcher processes (1,2,4; neighbours, bare: 1)
  --every-combination sweep: all combinations of the lists

How
  --seconds N         how long to measure (throughput 15, latency and neighbours 20)
  --warm-up N         seconds of load before that (3; neighbours 10, bare 25)
  --runs N            repeat everything and report the medians (1; neighbours: rounds with and without, 3; bare: 5)
  --connections N     throughput: the load generator's connections (64)
  --rate N            latency: messages a second (100, fewer when that is more than 1000 deliveries a second; neighbours: 20)
  --deliveries N      throughput: end a load early when it has made so many deliveries (200000; bare 1000000)
  --drain-seconds N   how long to wait for what has not arrived when the load ends (180)
  --generator NAME    throughput: posthorn (our own) or autocannon
  --healthy N         neighbours: consumers beside the sick ones (200)
  --slow N            neighbours: consumers that answer after 10 s (1)
  --backlog N         neighbours: deliveries that wait for them (200000)
  --no-build          measure what is in dist/ as it is

Another broker
  --target URL        publish to this URL; its consumers must POST to the sink, which the benchmark starts
  --header 'N: V'     a header of every request to it; may be repeated
  --body TEXT         its request body, with {payload} where the message goes ({payload})
  --fan-out N         deliveries that it makes of a message (1)
  --sink-host ADDRESS where the sink listens (127.0.0.1)
  --sink-port N       its port (9900)
  --process NAME=PID  a process of that broker, for CPU time and memory; may be repeated

Results
  --json FILE         where to write all figures (.posthorn/bench/results.json)
  --markdown          print the tables as Markdown
  --from FILE         print the tables of a results file and measure nothing
  --help

A database named posthorn_bench_… is made on the server that npm start would use (DATABASE_URL, else a private one) and dropped at the end.`;
