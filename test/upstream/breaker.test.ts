import { beforeEach, describe, expect, it } from 'vitest'
import { ASK, connect, okAnswer, SetClock, startRawServer } from './support.ts'
import { Breaker, type Outcome } from '../../src/upstream/breaker.ts'

// When an LSP is left alone, for how long, and what does not count against it. Time is set, never waited for.

let clock: SetClock
let breaker: Breaker

beforeEach(() => {
  clock = new SetClock()
  breaker = new Breaker(clock)
})

const tell = (outcome: Outcome) => breaker.begin()(outcome)

/** Failures a second apart. */
function fail(times: number): void {
  for (let time = 0; time < times; time++) {
    clock.pass(1_000)
    tell('FAILED')
  }
}

/** As exchanges do: only when it may be asked. Null while it may not. */
const secondsLeft = () => breaker.retryAt && (breaker.retryAt - clock.now()) / 1_000

describe('a breaker', () => {
  it('opens at the sixth failure in a row, for ten seconds', () => {
    fail(5)
    expect([breaker.isOpen, secondsLeft()]).toEqual([false, null])
    fail(1)
    expect([breaker.isOpen, secondsLeft()]).toEqual([true, 10])
    clock.pass(9_999)
    expect(secondsLeft()).toBe(0.001)
    clock.pass(1)
    expect([breaker.isOpen, secondsLeft()]).toEqual([true, null])
  })

  it('opens at the second request in a row that hangs, however rarely the LSP is asked', () => {
    const hang = () => {
      const end = breaker.begin()
      clock.pass(8_000)
      end('FAILED')
    }
    hang()
    clock.pass(600_000)
    expect(breaker.isOpen).toBe(false)
    hang()
    expect([breaker.isOpen, secondsLeft()]).toEqual([true, 10])
  })

  it('shows that a trial is in progress, which ends with the outcome of the trial', () => {
    fail(6)
    expect(breaker.isOnTrial).toBe(false)
    clock.pass(10_000)
    const end = breaker.begin()
    expect([breaker.isOnTrial, secondsLeft()]).toEqual([true, 10])
    end('FAILED')
    expect([breaker.isOnTrial, secondsLeft()]).toEqual([false, 20])
  })

  it('does not open where an answer comes between', () => {
    for (let round = 0; round < 3; round++) {
      fail(5)
      for (let time = 0; time < 6; time++) tell('ANSWERED')
    }
    expect(breaker.isOpen).toBe(false)
  })

  it('opens where half of ten exchanges or more in half a minute fail', () => {
    for (let time = 0; time < 4; time++) {
      tell('ANSWERED')
      fail(1)
    }
    tell('ANSWERED')
    expect(breaker.isOpen).toBe(false)
    fail(1)
    expect(breaker.isOpen).toBe(true)
  })

  it('forgets what is more than half a minute ago', () => {
    fail(5)
    clock.pass(30_000)
    fail(5)
    expect(breaker.isOpen).toBe(false)
  })

  it('does not open for one hiccup, which breaks all that is under way at once', () => {
    for (let time = 0; time < 50; time++) tell('FAILED')
    clock.pass(900)
    for (let time = 0; time < 50; time++) tell('FAILED')
    expect(breaker.isOpen).toBe(false)
    clock.pass(100)
    tell('FAILED')
    expect(breaker.isOpen).toBe(true)
  })

  it('counts nothing that was cut short by whoever asked', () => {
    for (let time = 0; time < 50; time++) {
      clock.pass(500)
      tell('IGNORED')
    }
    expect(breaker.isOpen).toBe(false)
  })

  it('lets one exchange through after the pause, and closes when that one is answered', () => {
    fail(6)
    clock.pass(10_000)
    const trial = breaker.begin()
    expect([breaker.isOpen, secondsLeft()]).toEqual([true, 10])
    trial('ANSWERED')
    expect([breaker.isOpen, secondsLeft()]).toEqual([false, null])
    fail(5)
    expect(breaker.isOpen).toBe(false)
  })

  it('waits twice as long after a trial that fails, 20 seconds at most, and ten seconds again after it was closed', () => {
    fail(6)
    const pauses = Array.from({ length: 5 }, () => {
      clock.at = breaker.retryAt ?? clock.at
      tell('FAILED')
      return secondsLeft()
    })
    expect(pauses).toEqual([20, 20, 20, 20, 20])
    clock.pass(20_000)
    tell('ANSWERED')
    fail(6)
    expect(secondsLeft()).toBe(10)
  })

  it('is told nothing by what began before it opened, or before it closed', () => {
    const old = breaker.begin()
    fail(6)
    old('ANSWERED')
    expect(secondsLeft()).toBe(10)
    clock.pass(10_000)
    const trial = breaker.begin()
    clock.pass(10_000)
    tell('ANSWERED')
    trial('FAILED')
    expect([breaker.isOpen, secondsLeft()]).toEqual([false, null])
  })

  it('tries again after ten seconds where a trial does not end, and doubles its pause once for both', () => {
    fail(6)
    clock.pass(10_000)
    const long = breaker.begin()
    clock.pass(10_000)
    expect(secondsLeft()).toBeNull()
    tell('FAILED')
    expect(secondsLeft()).toBe(20)
    long('FAILED')
    expect(secondsLeft()).toBe(20)
  })

  it('lets the next one try where the trial was cut short by whoever asked', () => {
    fail(6)
    clock.pass(10_000)
    tell('IGNORED')
    expect([breaker.isOpen, secondsLeft()]).toEqual([true, null])
  })

  it('is not stuck where the clock is set back', () => {
    fail(6)
    clock.pass(-3_600_000)
    expect(secondsLeft()).toBeNull()
    tell('ANSWERED')
    expect(breaker.isOpen).toBe(false)
  })
})

describe('over HTTP', () => {
  const respond = (status: number, body: string) =>
    `HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\n\r\n${body}`

  /** Ten questions to a server that answers all alike, a second apart. */
  async function outcomes(bytes: string | null, timeoutMs = 5_000): Promise<{ outcomes: Outcome[]; isOpen: boolean }> {
    const time = new SetClock()
    await using server = await startRawServer((socket) => void (bytes === null ? null : socket.write(bytes)))
    await using asking = connect({ url: `http://127.0.0.1:${server.port}`, timeoutMs: 100 }, {}, time)
    for (let count = 0; count < 10; count++) {
      time.pass(1_000)
      await asking.ask(ASK, timeoutMs).catch(() => {})
    }
    return {
      outcomes: [...new Set(asking.records.map(({ outcome }) => outcome))],
      isOpen: asking.connection.breaker.isOpen,
    }
  }

  it.each([400, 401, 403, 404, 409, 422, 429])('a refusal counts as an answer: %i', async (status) => {
    expect(await outcomes(respond(status, '{"error":{"code":100,"message":"no"}}'))).toEqual({
      outcomes: ['ANSWERED'],
      isOpen: false,
    })
  })

  it.each([
    ['500', respond(500, 'oops')],
    ['503', respond(503, '{}')],
    ['what is not JSON', respond(200, '<html>')],
    ['another document', respond(200, '{"ok":false}')],
    ['a redirect', respond(302, '')],
    ['no HTTP', 'SSH-2.0\r\n\r\n'],
  ])('a failure counts as one: %s', async (_what, bytes) => {
    expect(await outcomes(bytes)).toEqual({ outcomes: ['FAILED'], isOpen: true })
  })

  it('silence counts against an LSP that was given its time, not against one that a client gave none', async () => {
    expect(await outcomes(null, 100)).toEqual({ outcomes: ['FAILED'], isOpen: true })
    expect(await outcomes(null, 20)).toEqual({ outcomes: ['IGNORED'], isOpen: false })
  })

  it('while it is open nothing is sent, and the failure says until when; then one question goes, and is enough', async () => {
    let isDown = true
    let requests = 0
    await using server = await startRawServer((socket) => {
      requests += 1
      socket.write(isDown ? respond(503, 'down') : okAnswer())
    })
    await using asking = connect({ url: `http://127.0.0.1:${server.port}` }, {}, clock)
    const ask = (count: number) => asking.failure({ ...ASK, method: 'POST', body: { count } })
    for (let count = 0; count < 6; count++) {
      clock.pass(1_000)
      expect(await ask(count)).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown', retryAt: null })
    }
    expect(await ask(7)).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
      retryAt: clock.at + 10_000,
      message: 'the LSP has stopped answering; the gateway retries it after retryAt',
    })
    expect(requests).toBe(6)
    clock.pass(10_000)
    // Of many that come at once, one goes.
    const failures = await Promise.all(Array.from({ length: 5 }, (_, count) => ask(10 + count)))
    expect(failures.map(({ effect }) => effect).toSorted()).toEqual(['none', 'none', 'none', 'none', 'unknown'])
    expect(requests).toBe(7)
    isDown = false
    clock.pass(20_000)
    await expect(asking.ask()).resolves.toEqual({ ok: true })
    await expect(Promise.all([asking.ask(), asking.ask()])).resolves.toHaveLength(2)
    expect(asking.connection.breaker.isOpen).toBe(false)
  })
})
