import { runBackup } from './portable/backup.ts'

process.exitCode = runBackup(process.argv.slice(2), process.env, {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
})
