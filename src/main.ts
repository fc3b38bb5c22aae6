import { ConfigError, readEnvironment } from './config.ts'
import { run } from './run.ts'
import { DatabaseError } from './store/database.ts'

/** What the operator has to mend. */
const EXIT_CONFIGURATION = 2

try {
  const gateway = await run({ ...readEnvironment(process.argv.slice(2), process.env), variables: process.env })
  if (gateway.sandbox) {
    process.stdout.write(`Sandbox: ${gateway.sandbox.lsps.length} simulated LSPs on regtest, no real money.\n`)
    for (const lsp of gateway.sandbox.lsps) process.stdout.write(`  ${lsp.id.padEnd(8)} ${lsp.configName.padEnd(22)} ${lsp.url}\n`)
  }
  process.stdout.write(`GraphQL:  ${gateway.origin}/graphql\n`)
  if (gateway.graphiql) process.stdout.write(`GraphiQL: ${gateway.graphiql}  (in a browser)\n`)

  let isStopping = false
  const stop = (signal: NodeJS.Signals) => {
    // A second signal is somebody in a hurry.
    if (isStopping) process.exit(1)
    isStopping = true
    process.stdout.write(`${signal}: finishing what runs\n`)
    gateway.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
} catch (error) {
  if (error instanceof ConfigError || error instanceof DatabaseError) {
    process.stderr.write(`${error.message}\n`)
    process.exit(EXIT_CONFIGURATION)
  }
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  process.stderr.write(code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL' ? `cannot listen on ${address}:${port} (${code}); HOST and PORT say where\n` : `${(error as Error).stack}\n`)
  process.exit(code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL' ? EXIT_CONFIGURATION : 1)
}
