import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { accept, answer, isSigned, Receiver, type Received } from './receiver.ts'
import { clientWith, eventsOf, order, pay, SECRET_BYTES, TIMING, type Asked } from './support.ts'
import { run, type RunningGateway } from '../../src/run.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'

/** A gateway that has its clients from a file, as `kill -HUP` has it read again. */
class FileGateway implements AsyncDisposable {
  readonly #directory: string
  readonly #gateway: RunningGateway
  readonly #sandbox: Sandbox
  readonly logged: readonly string[]

  private constructor(directory: string, gateway: RunningGateway, sandbox: Sandbox, logged: readonly string[]) {
    this.#directory = directory
    this.#gateway = gateway
    this.#sandbox = sandbox
    this.logged = logged
  }

  static async start(...clients: readonly unknown[]): Promise<FileGateway> {
    const sandbox = await startSandbox({ only: ['olive'], stepMs: 20 })
    const directory = await mkdtemp(join(tmpdir(), 'sluice-reload-'))
    const configPath = join(directory, 'sluice.yaml')
    const logged: string[] = []
    await writeFile(configPath, fileOf(sandbox, clients))
    const gateway = await run({
      host: '127.0.0.1',
      port: 0,
      configPath,
      databaseUrl: join(directory, 'sluice.db'),
      variables: {},
      logger: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
      sandbox,
      webhooks: { timing: { ...TIMING, retryDelaysMs: [5], timeoutMs: 10_000 } },
    })
    return new FileGateway(directory, gateway, sandbox, logged)
  }

  /** The gateway as the holder of a key has it. */
  as(key: string): Asked {
    const { origin } = this.#gateway
    return {
      sandbox: this.#sandbox,
      async ask(query, variables) {
        const response = await fetch(`${origin}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: JSON.stringify({ query, variables }),
        })
        const answered = (await response.json()) as { data?: unknown; errors?: unknown }
        if (answered.errors) throw new Error(`the operation failed: ${JSON.stringify(answered.errors)}`)
        return answered.data
      },
    }
  }

  /** Reads the file again with these keys changed. */
  async reloadWith(changes: Record<string, unknown>, ...clients: readonly unknown[]): Promise<void> {
    await this.reloadText(JSON.stringify({ ...(JSON.parse(fileOf(this.#sandbox, clients)) as object), ...changes }))
  }

  async reload(...clients: readonly unknown[]): Promise<void> {
    await this.reloadText(fileOf(this.#sandbox, clients))
  }

  async reloadText(text: string): Promise<void> {
    await writeFile(join(this.#directory, 'sluice.yaml'), text)
    await this.#gateway.reload()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway.close()
    await this.#sandbox.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function fileOf(sandbox: Sandbox, clients: readonly unknown[]): string {
  const lsps = sandbox.lsps.map(({ id, name, configName, url }) => ({
    id,
    name,
    protocol: configName,
    url,
    network: 'regtest',
  }))
  return JSON.stringify({ lsps, clients, pace: { activeMs: 25, idleMs: 1_000 } })
}

const [ALICE, BOB] = ['alice', 'bob']
const alice = (webhook?: Parameters<typeof clientWith>[0], more: { expiresAt?: string } = {}) => ({
  ...clientWith(webhook, 'alice', ALICE),
  ...more,
})
const bob = (webhook?: Parameters<typeof clientWith>[0]) => clientWith(webhook, 'bob', BOB)

const isTold = (id: string) => (received: readonly Received[]) => received.some(({ data }) => data.orderId === id)
const isCompleted = (id: string) => (received: readonly Received[]) =>
  received.some(({ data }) => data.orderId === id && data.state === 'COMPLETED')
const sequencesOf = (receiver: Receiver, id: string) =>
  receiver.received.filter(({ data }) => data.orderId === id).map(({ data }) => data.sequence)

/** How often a client was told until now, after which it is told nothing while another's order takes its whole way. */
async function silence(gateway: FileGateway, receiver: Receiver, others: Receiver): Promise<number> {
  const id = await order(gateway.as(BOB), 'k9')
  // What was on its way at first has come by now.
  const told = receiver.received.length
  await pay(gateway.as(BOB), id)
  await others.until(isCompleted(id))
  expect(receiver.received).toHaveLength(told)
  return told
}

test.each([
  ['client', (url: string) => [bob({ url })]],
  ['webhook', (url: string) => [alice(), bob({ url })]],
])(
  'a %s that is gone from the file is told nothing from the reload on, and goes on where it was when it is back',
  async (_, without) => {
    await using mine = await Receiver.start()
    await using others = await Receiver.start()
    mine.behave = answer(500)
    await using gateway = await FileGateway.start(alice({ url: mine.url }), bob({ url: others.url }))
    const id = await order(gateway.as(ALICE))
    await pay(gateway.as(ALICE), id)
    await mine.until(({ length }) => length > 2)
    await gateway.reload(...without(others.url))
    const told = await silence(gateway, mine, others)

    mine.behave = accept
    await gateway.reload(alice({ url: mine.url }), bob({ url: others.url }))
    await mine.until(isCompleted(id))
    const events = await eventsOf(gateway.as(ALICE), id)
    expect(sequencesOf(mine, id).slice(told)).toEqual(events.map(({ sequence }) => sequence))
  },
)

test('a post that is on its way to a client that is gone is broken off', async () => {
  await using receiver = await Receiver.start()
  const wasAnswered = new Promise((resolve) => {
    receiver.behave = (_, response) => void response.once('close', () => resolve(response.writableFinished))
  })
  await using gateway = await FileGateway.start(alice({ url: receiver.url }), bob())
  await order(gateway.as(ALICE))
  await receiver.until(({ length }) => length === 1)
  await gateway.reload(bob())
  expect(await wasAnswered).toBe(false)
})

test('a webhook that is new in the file is told of what happens from then on; the others are not disturbed', async () => {
  await using mine = await Receiver.start()
  await using others = await Receiver.start()
  const answers: (() => void)[] = []
  others.behave = (received, response) => void answers.push(() => accept(received, response))
  await using gateway = await FileGateway.start(alice(), bob({ url: others.url }))
  const before = await order(gateway.as(ALICE), 'k1')
  const undisturbed = await order(gateway.as(BOB), 'k2')
  await others.until(({ length }) => length === 1)
  await gateway.reload(alice({ url: mine.url }), bob({ url: others.url }))
  const after = await order(gateway.as(ALICE), 'k3')
  await mine.until(isTold(after))
  expect(isTold(before)(mine.received)).toBe(false)

  others.behave = accept
  for (const taken of answers) taken()
  await pay(gateway.as(BOB), undisturbed)
  await others.until(isCompleted(undisturbed))
  expect(sequencesOf(others, undisturbed)).toEqual(
    (await eventsOf(gateway.as(BOB), undisturbed)).map(({ sequence }) => sequence),
  )
})

test('what is still to be delivered goes to the URL of now, signed with the secret of now', async () => {
  await using old = await Receiver.start()
  await using now = await Receiver.start()
  old.behave = answer(500)
  await using gateway = await FileGateway.start(alice({ url: old.url }))
  const id = await order(gateway.as(ALICE))
  await old.until(({ length }) => length > 0)
  const secret = 'another secret of some length'
  await gateway.reload(alice({ url: now.url, secret }))
  await pay(gateway.as(ALICE), id)
  await now.until(isCompleted(id))
  expect(sequencesOf(now, id)).toEqual((await eventsOf(gateway.as(ALICE), id)).map(({ sequence }) => sequence))
  expect(now.received.every((one) => isSigned(one, Buffer.from(secret)))).toBe(true)
  expect(old.received.every((one) => isSigned(one, SECRET_BYTES) && one.data.sequence === 1)).toBe(true)
})

test('that the webhook of before wanted nothing more does not end the one of now', async () => {
  await using old = await Receiver.start()
  await using now = await Receiver.start()
  const late = new Promise<() => void>((resolve) => {
    old.behave = (received, response) => resolve(() => answer(410)(received, response))
  })
  await using gateway = await FileGateway.start(alice({ url: old.url }))
  const id = await order(gateway.as(ALICE))
  const goAway = await late
  const reloading = gateway.reload(alice({ url: now.url }))
  // The post is not broken off: where the client still has a webhook, it gets a moment to be answered.
  await new Promise((resolve) => setTimeout(resolve, 100))
  goAway()
  await reloading
  await pay(gateway.as(ALICE), id)
  await now.until(isCompleted(id))
  expect(sequencesOf(now, id)).toEqual((await eventsOf(gateway.as(ALICE), id)).map(({ sequence }) => sequence))
  expect(await gateway.as(ALICE).ask('{ webhook { disabledAt } }')).toEqual({ webhook: { disabledAt: null } })
})

test('a file with mistakes changes nothing', async () => {
  await using receiver = await Receiver.start()
  await using gateway = await FileGateway.start(alice({ url: receiver.url }))
  await gateway.reloadText('clients: [')
  expect(gateway.logged.join('')).toContain('the clients stay as they were')
  const id = await order(gateway.as(ALICE))
  await receiver.until(isTold(id))
})

test('a client whose key has expired is told nothing more, and all that it missed when its key is prolonged', async () => {
  await using mine = await Receiver.start()
  await using others = await Receiver.start()
  mine.behave = answer(500)
  await using gateway = await FileGateway.start(alice({ url: mine.url }), bob({ url: others.url }))
  const id = await order(gateway.as(ALICE))
  await pay(gateway.as(ALICE), id)
  await mine.until(({ length }) => length > 2)
  await gateway.reload(
    alice({ url: mine.url }, { expiresAt: new Date(Date.now() + 300).toISOString() }),
    bob({ url: others.url }),
  )
  await expect
    .poll(() => gateway.as(ALICE).ask('{ __typename }').catch(String), { interval: 20, timeout: 3_000 })
    .toContain('UNAUTHENTICATED')
  const told = await silence(gateway, mine, others)

  mine.behave = accept
  await gateway.reload(alice({ url: mine.url }), bob({ url: others.url }))
  await mine.until(isCompleted(id))
  expect(sequencesOf(mine, id).slice(told)).toEqual(
    (await eventsOf(gateway.as(ALICE), id)).map(({ sequence }) => sequence),
  )
})

test('a reload applies the log level, and names the other keys that changed', async () => {
  await using gateway = await FileGateway.start(alice())
  const messages = () => gateway.logged.map((line) => JSON.parse(line) as { msg: string; keys?: string[] })
  await gateway.reload(alice())
  expect(messages().filter(({ keys }) => keys)).toEqual([])

  await gateway.reloadWith({ leaseReminderDays: 3, graphiql: false, logLevel: 'error' }, alice())
  const named = messages().filter(({ keys }) => keys)
  expect(named).toEqual([])
  await gateway.reloadWith({ leaseReminderDays: 3, graphiql: false, logLevel: 'info' }, alice())
  expect(messages().flatMap(({ keys }) => keys ?? [])).toEqual(['leaseReminderDays', 'graphiql'])
})
