import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { crashRun } from './crash-run.ts'
import { buildProgram } from './gateway-process.ts'

let program: ReturnType<typeof buildProgram>
let directory: string

beforeAll(async () => {
  program = buildProgram()
  directory = await mkdtemp(join(tmpdir(), 'sluice-crash-db-'))
}, 60_000)

afterAll(async () => {
  program.remove()
  await rm(directory, { recursive: true, force: true })
})

const KILLS = Number(process.env.CRASH_KILLS ?? 8)

test(
  'a gateway on the embedded database that is killed while it works loses no order, places none twice, breaks no sequence',
  async () => {
    const figures = await crashRun({ engine: 'sqlite', main: program.main, databaseUrl: join(directory, 'crash.db'), kills: KILLS, seed: 20_261_121 })
    process.stdout.write(`${JSON.stringify(figures)}\n`)
    expect(figures).toMatchObject({ lost: 0, placedTwice: 0, gapsOrRepeats: 0 })
    expect(figures.completed).toBeGreaterThan(0)
  },
  KILLS * 5_000 + 120_000,
)
