import { expect, test } from 'vitest'
import { crashRun } from './crash-run.ts'
import { builtProgram } from '../support/build.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'

/** In short with every run of the tests; `npm run test:crash` kills 250 times on each engine. */
const KILLS =
  process.env['CRASH_KILLS'] === undefined
    ? { SQLite: 4, PostgreSQL: 3 }
    : { SQLite: Number(process.env['CRASH_KILLS']), PostgreSQL: Number(process.env['CRASH_KILLS']) }

test.each(ENGINES)(
  'a gateway on %s that is killed while it works loses no order, places none twice, breaks no sequence',
  async (engine) => {
    await using database = await freshDatabase(engine)
    const figures = await crashRun({
      engine,
      main: await builtProgram(),
      databaseUrl: database.url,
      kills: KILLS[engine],
      seed: 20_261_121,
    })
    process.stdout.write(`${JSON.stringify(figures)}\n`)
    expect(figures).toMatchObject({ lost: 0, placedTwice: 0, gapsOrRepeats: 0 })
    expect(figures.completed).toBeGreaterThan(0)
  },
  120_000 + Math.max(KILLS.SQLite, KILLS.PostgreSQL) * 10_000,
)
