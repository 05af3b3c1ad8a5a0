/** What `--help` prints. */
export const help = `Skein beside the servers people would otherwise use, on this machine, in one run.

  node bench/fanout.ts [options]

  --scenario NAME     fanout, flood, idle, latency, several with commas, or all     [fanout]
  --servers LIST      skein, hono, socketio, nchan                                  [all; latency: skein]
  --transports LIST   ws, sse                                                       [ws,sse]
  --clients N         connections                     [fanout 1000, flood 300, idle 5000, latency 1]
  --rate N            frames per second               [fanout 20, latency 200, warm-up of flood 200]
  --seconds N         how long frames are published   [fanout 10, latency 5]
  --frames N          frames of a flood               [20000]
  --bytes N           bytes of a frame as published, JSON                           [120]
  --publish HOW       to Skein: nats (a real nats-server with JetStream, plain core publishes) or
                      http (POST /api/publish/..., one after the other, Skein's own embedded bus)  [nats]
  --repeat N          runs of each, interleaved A B C A B C; tables show medians    [1]
  --limit N           seconds to wait for the last frame after the last publish     [60]
  --stalled N         clients beside the others that stop reading after their first bytes; what they cost the
                      others shows in p99 against a run without them               [0]
  --json              figures of every run, medians and ratios as JSON
  --help              this text

Scenarios
  fanout    Frames at a fixed rate to many clients. Two seconds of warm-up are published first and not measured.
  flood     All frames as fast as the bus takes them, measured until the last client has the last frame.
  idle      Connections on which nothing is sent: memory only.
  latency   One client, little load: how long a frame takes through the bus and the server.

Servers
  skein     node src/cli/main.ts start --data :memory: (every client validated, framed and queued as in production)
  hono      Hono: streamSSE for events, ws.send(text) in a loop for WebSocket
  socketio  Socket.IO 4, WebSocket only, io.emit per frame
  nchan     nginx with the nchan module (C), one worker
  hono and socketio read their frames from the same kind of nats-server as Skein; nchan gets HTTP posts, pipelined over
  one connection. Every run starts its own server and its own bus, and ends both.

Figures
  deliveries/s   new frames received by all clients together, per second from the first publish to the last arrival
  CPU µs         CPU time of the server, user and system, per delivery, in microseconds (nginx: master and worker; the
                 nats-server is not in it). Read from /proc in steps of 10 ms: trust it above some 100,000 deliveries
  bus CPU ms     CPU time of the nats-server over the same window, milliseconds
  p50 p99 p99.9  publish to arrival at the client in milliseconds, percentiles over every single delivery. In fanout and
                 latency a frame is stamped with the time it was due, not the time it got away, so that a stall is
                 charged to every frame it delayed (no coordinated omission). In a flood it is mostly time in queues
  KB/conn        resident memory of the server with all connections open, minus before, per connection, in KiB.
                 Socket buffers are the kernel's and not in it
  took ms        from the first publish to the last arrival at the last client, milliseconds
  RSS MB         resident memory of the server at the end of the window, MiB
  missing        frames that clients did not get and were not told about. 0, or the run is void
  pending        frames still on their way when --limit was over; the run's other figures cover what had arrived
  dup            frames that came twice without a reason. 0, or the run is void
  late           frames that came after a newer one. 0, or the run is void
  lagged         times Skein told a client that it had fallen behind, with a fresh snapshot (reason "lagged"). What a
                 snapshot replays is not counted as delivered twice; what a lagged client never got is "skipped" in --json
  closed         connections that ended before the run did
  end            complete: every client has the last frame. stalled: nothing came for 3 s. cut: --limit was over
  Ratios         Skein's figure divided by the other server's on the same transport, from medians.
                 CPU, latency, memory: below 1 is better for Skein. deliveries/s: above 1 is better

Load clients are separate processes of at most 250 sockets each (idle: 1000, nothing is timed there), raw TCP with the
smallest parser that can still check that every client got every frame once and in order. Samples are merged, percentiles
are never averaged. On a machine with few cores, clients and server share them: compare rows of one run, not of two.
`;
