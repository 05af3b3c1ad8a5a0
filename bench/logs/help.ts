/** What `--help` prints. */
export const help = `Following logs: Skein beside GNU tail -F and the npm package tail, on this machine, in one run.

  npm run bench logs [-- SECTION… options]

  SECTION         throughput, rotations, latency, backlog, idle          [all, some three minutes]
  --followers L   ws, sse (Skein over either), tail, npm; for throughput and latency  [all]
  --mb N          how much a log grows in throughput, MB                 [200]
  --bytes N       length of a line with its line feed                    [95]
  --rotations N   rotations of each way in rotations                     [50]
  --seconds N     how long latency is measured at each rate (quiet: three times as long), and how long idle
                  CPU time is taken                                      [4]
  --files N       logs that are followed in idle                         [5000]
  --json          figures as JSON
  --help          this text

Sections
  throughput  A file grows by --mb as fast as the disk takes it, at once or in ten bursts. Measured from the first write until
              the reader has the last line. Skein is one process: it follows, splits, publishes on its embedded bus and
              delivers to one client, which parses every frame as JSON. tail -F and npm tail write to a pipe, and the reader
              counts line feeds. A client that cannot keep up is given the newest lines in a fresh backlog: what it did not
              receive stands in "not received", and how often that happened in "fresh starts".
  rotations   One writer, a process of its own, writes numbered lines while the log is rotated by hand or by logrotate. All
              followers read the same file at the same time. Needs logrotate.
  latency     Every line carries the time just before it was written. Each follower is measured alone.
  backlog     The newest 1,000 lines of logs of which all but the last megabyte is a hole. First of logs that nobody follows
              yet, then of logs that are followed. tail -n 1000 starts a process each time, as a program without Skein would.
  idle        A process follows --files logs and nothing is written. Skein is its logs agent on a nats-server, without a
              gateway; the second row adds what a gateway does: it renews every wish every ten seconds.

Figures
  CPU s             user and system time of the follower, until the reader has everything, in seconds
  reader CPU s      the same of the process that reads
  lost              numbers that did not come
  lost in silence   those of them that were not announced by a gap
  slowest ms        the longest time from writing a line to its arrival; rotations are what makes it long
  in no file        numbers that a rotation lost by itself: written after the copy and before the truncation
  twice, late, torn lines that came again, after a later one, or that nobody wrote
  p50 p90 p99 max   percentiles over every line (backlog: over every request), milliseconds
  CPU %             of one core
  KB/log            resident memory per log, KiB; of Skein what following adds, of the others the whole process
  to begin s        until every wish has been answered, seconds

Compare rows of one run, not of two: writer, follower and reader share this machine's cores.
`;
