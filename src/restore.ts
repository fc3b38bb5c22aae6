import { systemClock } from './domain/time.ts'
import { runRestore } from './portable/restore.ts'

process.exitCode = await runRestore(process.argv.slice(2), process.env, systemClock, {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
})
