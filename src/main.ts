import { ConfigError, readEnvironment } from './config.ts'
import { run } from './run.ts'
import { DatabaseError } from './store/database.ts'

/** Another setting helps. */
const EXIT_CONFIGURATION = 2
/** The database is not there, or is not one of this program. */
const EXIT_DATABASE = 3
const EXIT_BUG = 1
const ADDRESS_MISTAKES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there',
  EACCES: 'this user may not',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up',
}

let isStopping = false
const startup = new AbortController()

try {
  const starting = run({
    ...readEnvironment(process.argv.slice(2), process.env),
    variables: process.env,
    signal: startup.signal,
  })

  const stop = (signal: NodeJS.Signals) => {
    // A second signal is somebody in a hurry.
    if (isStopping) process.exit(1)
    isStopping = true
    process.stdout.write(`${signal}: finishing what runs\n`)
    startup.abort()
    starting
      .then(async (gateway) => {
        await gateway.announceStop()
        await gateway.close()
      })
      .then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => void starting.then((gateway) => gateway.reload()).catch(() => {}))

  const gateway = await starting
  if (gateway.sandbox) {
    process.stdout.write(`Sandbox: ${gateway.sandbox.lsps.length} simulated LSPs on regtest, no real money.\n`)
    for (const lsp of gateway.sandbox.lsps)
      process.stdout.write(`  ${lsp.id.padEnd(8)} ${lsp.configName.padEnd(22)} ${lsp.url}\n`)
  }
  process.stdout.write(`GraphQL:  ${gateway.origin}/graphql\n`)
  if (gateway.graphiql) process.stdout.write(`GraphiQL: ${gateway.graphiql}  (in a browser)\n`)
} catch (error) {
  fail(error)
}

function fail(error: unknown): never {
  if (isStopping && startup.signal.aborted && (error as Error).name === 'AbortError') process.exit(0)
  const {
    code = '',
    syscall,
    address,
    hostname,
    port,
    message,
    stack,
  } = error as NodeJS.ErrnoException & { address?: string; hostname?: string; port?: number }
  const mistake = syscall === 'listen' || syscall === 'getaddrinfo' ? ADDRESS_MISTAKES[code] : undefined
  if (mistake !== undefined) {
    const where = [address ?? hostname, port].filter((part) => part !== undefined).join(':')
    process.stderr.write(`cannot listen on ${where}: ${mistake} (${code}); HOST and PORT say where\n`)
    process.exit(EXIT_CONFIGURATION)
  }
  const status = exitStatusOf(error)
  process.stderr.write(`${status === EXIT_BUG ? stack : message}\n`)
  process.exit(status)
}

function exitStatusOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT_CONFIGURATION
  if (error instanceof DatabaseError) return error.isConfiguration ? EXIT_CONFIGURATION : EXIT_DATABASE
  return EXIT_BUG
}
