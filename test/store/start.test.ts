import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Build, type Program } from '../server/program.ts'
import { systemClock } from '../../src/domain/time.ts'
import { Hints } from '../../src/orders/hints.ts'
import { openStore } from '../../src/store/store.ts'
import { freshPostgres } from '../support/database.ts'
import { proxyTo } from '../support/proxy.ts'

describe('a database that is not there yet', { timeout: 60_000 }, () => {
  let build: Build
  beforeAll(async () => {
    build = await Build.make()
  })
  afterAll(() => build[Symbol.asyncDispose]())

  async function start(waitSeconds: number, databaseUrl: string): Promise<Program> {
    const folder = await build.folder()
    const config = {
      lsps: [{ id: 'a', name: 'A', protocol: 'lsps1', url: 'http://127.0.0.1:1', network: 'regtest' }],
      startup: { waitSeconds },
    }
    await writeFile(join(folder, 'sluice.yaml'), JSON.stringify(config))
    return build.start(folder, { args: ['--config', 'sluice.yaml'], env: { DATABASE_URL: databaseUrl } })
  }

  test('is waited for, and the log says so', async () => {
    await using database = await freshPostgres()
    await using proxy = await proxyTo(database.url)
    await proxy.cut()
    const program = await start(50, proxy.url)
    await expect.poll(() => program.stderr, { timeout: 40_000 }).toContain('the database is not there yet')
    expect(program.stderr).toMatch(/"why":"the database postgres:.* cannot be used: .*ECONNREFUSED/)
    await proxy.restore()
    expect(await program.origin()).toMatch(/^http:/)
    program.kill('SIGTERM')
    expect(await program.ended).toMatchObject({ status: 0 })
  })

  test('ends the start with status 3 and a message when it does not come', async () => {
    const program = await start(1, 'postgres://user:s3cret@127.0.0.1:1/db')
    expect(await program.ended).toMatchObject({ status: 3 })
    expect(program.stderr).toMatch(
      /cannot be used: .*ECONNREFUSED.* tried for 1 s \(startup\.waitSeconds\): start the database, or correct DATABASE_URL\n$/,
    )
    expect(program.stderr).not.toContain('s3cret')
  })

  test('is not waited for after a SIGTERM', async () => {
    const program = await start(600, 'postgres://user@127.0.0.1:1/db')
    await expect.poll(() => program.stderr, { timeout: 40_000 }).toContain('the database is not there yet')
    program.kill('SIGTERM')
    expect(await program.ended).toMatchObject({ status: 0 })
  })
})

/** A pooler in transaction mode, as its clients see it: LISTEN succeeds, and no notification ever comes. */
async function poolerTo(url: string) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(target.port || 5432), target.hostname)
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    near.pipe(far).on('close', () => near.destroy())
    let pending = Buffer.alloc(0)
    far
      .on('close', () => near.destroy())
      .on('data', (chunk: Buffer) => {
        pending = Buffer.concat([pending, chunk])
        // A message is a type, and a length that counts itself.
        while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
          const length = 1 + pending.readInt32BE(1)
          if (pending[0] !== 'A'.charCodeAt(0)) near.write(pending.subarray(0, length))
          pending = pending.subarray(length)
        }
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const through = new URL(url)
  through.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: through.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('a pooler that takes LISTEN and delivers nothing', () => {
  test('is refused, with the settings to change', async () => {
    await using database = await freshPostgres()
    await using pooler = await poolerTo(database.url)
    await expect(openStore(pooler.url, systemClock, { waitMs: 60_000 })).rejects.toMatchObject({
      isConfiguration: true,
      message: expect.stringMatching(/LISTEN does not work .*databaseDirectUrl.*pool_mode = session/) as string,
    })
  })

  test('serves with a direct address to listen at', async () => {
    await using database = await freshPostgres()
    await using pooler = await poolerTo(database.url)
    await using near = await openStore(pooler.url, systemClock, { directUrl: database.url })
    await using far = await openStore(database.url, systemClock)
    const heard = vi.fn<() => void>()
    new Hints(near.bus).on('order:1', heard)
    const giving = new Hints(far.bus)
    await vi.waitFor(
      () => {
        giving.give('order:1')
        expect(heard).toHaveBeenCalled()
      },
      { timeout: 10_000 },
    )
  })

  test('is refused where the direct address leads through it, too', async () => {
    await using database = await freshPostgres()
    await using pooler = await poolerTo(database.url)
    await expect(openStore(database.url, systemClock, { directUrl: pooler.url })).rejects.toThrow(
      /do not arrive at databaseDirectUrl/,
    )
  })
})
