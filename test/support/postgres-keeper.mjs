// Runs PostgreSQL for as long as whoever started this lives: when the standard input ends, by whatever death, the
// server is stopped and its directory removed.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'

const { command, args, options, directory } = JSON.parse(process.argv[2])
const server = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'inherit'] })
let isOver = false

function end() {
  isOver = true
  // Nothing in it is worth an orderly end.
  server.kill('SIGQUIT')
}

server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
})
server.on('close', (code) => {
  process.stdin.destroy()
  if (isOver) rmSync(directory, { recursive: true, force: true })
  else process.exitCode = code || 1
})
process.stdin.on('end', end).resume()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end)
