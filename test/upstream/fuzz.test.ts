import { describe, expect, it } from 'vitest'
import { answersTo, CORPUS, DOCUMENTS, refusalsOf } from './fuzz/corpus.ts'
import { flawsOf, flawsOfFailure, flawsOfFree, isPolluted } from './fuzz/invariants.ts'
import { breaksOf, isBroken, withValueAt } from './fuzz/breaks.ts'
import { copy, slots, write } from './fuzz/json.ts'
import { targetsOf, valueAt } from './fuzz/targets.ts'
import { readDocument } from '../../src/protocols/document.ts'
import { damage, mutate } from './fuzz/mutations.ts'
import { NODE_URI, OPERATIONS } from './fuzz/operations.ts'
import { Random } from './fuzz/random.ts'
import { NOW, orderRef } from '../support/adapter-call.ts'
import { LspFailure } from '../../src/domain/failure.ts'
import type { Adapter, LspCall, LspHttp } from '../../src/protocols/adapter.ts'
import { ADAPTERS } from '../../src/protocols/index.ts'
import { readAnswer, type RawAnswer } from '../../src/upstream/answer.ts'
import { MAX_ANSWER_BYTES } from '../../src/upstream/http.ts'

// Honest answers, damaged by chance that can be had again: whatever comes, an adapter gives a sound reading or an
// LspFailure. `npm run test:fuzz` does the same for longer; FUZZ_SEED and FUZZ_ANSWERS choose what is tried.

const IS_LONG = process.env.MODE === 'fuzz'
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_121)
const ANSWERS = Number(process.env.FUZZ_ANSWERS ?? (IS_LONG ? 200_000 : 20_000))

const STATUSES = [
  200, 200, 200, 200, 200, 200, 200, 200, 201, 204, 302, 400, 400, 401, 403, 404, 404, 405, 409, 412, 422, 429, 500,
  503, 599,
]
/** Of the processor: reading one answer takes a fraction of a millisecond; what takes this long, an LSP could stop us with. */
const TOO_LONG_MS = 2_000

/** Answers without a socket, as an LSP that means harm would, by the very code that reads what a socket brings. */
function hostileHttp(adapter: Adapter, random: Random, answers: RawAnswer[]): LspHttp {
  return {
    async exchange(exchange) {
      const answer = hostileAnswer(adapter, exchange.method, exchange.path, random)
      answers.push(answer)
      return readAnswer(exchange, answer, adapter.readRefusal.bind(adapter), NOW, [
        'a-secret-of-ours',
        'token-of-the-order',
      ])
    },
  }
}

function hostileAnswer({ protocol }: Adapter, method: string, path: string, random: Random): RawAnswer {
  const status = random.pick(STATUSES)
  const refusals = refusalsOf(protocol)
  const honest =
    status >= 400 && refusals.length > 0 && random.chance(0.6)
      ? random.pick(refusals)
      : random.chance(0.9)
        ? random.pick(answersTo(protocol, method, path))
        : random.pick(CORPUS)
  const written = write(mutate(honest.document, random, DOCUMENTS))
  const text = (random.chance(0.06) ? damage(written, random) : written).slice(0, MAX_ANSWER_BYTES)
  return {
    status,
    headers: {
      'retry-after': random.pick([undefined, '5', '-1', '1e9', 'soon', ['1', '2'], 'Sat, 21 Nov 2026 12:00:30 GMT']),
    },
    text,
  }
}

/** A number that no JavaScript number holds stays out. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

describe('the adapters', () => {
  const tally = {
    answers: 0,
    calls: 0,
    read: 0,
    characters: 0,
    slowestMs: 0,
    failures: {} as Record<string, number>,
    read_by: {} as Record<string, number>,
  }

  it(`read ${ANSWERS} damaged answers, and give sound readings or failures`, { timeout: 900_000 }, async () => {
    const before = process.memoryUsage().rss
    for (let run = 0; tally.answers < ANSWERS; run++) {
      const random = new Random(SEED + run)
      const { adapter, name, act } = random.pick(OPERATIONS)
      const answers: RawAnswer[] = []
      const order = orderRef({
        clientNodeUri: NODE_URI,
        accessToken: random.chance(0.5) ? 'token-of-the-order' : null,
        paid: random.chance(0.5),
      })
      const call: LspCall = {
        http: hostileHttp(adapter, random, answers),
        url: 'https://lsp.example',
        network: 'REGTEST',
        now: () => NOW,
        tariffFeeRateSatPerVbyte: 1,
      }
      const startedAt = process.cpuUsage()
      const flaws = await act(call, order).then(
        (result) => {
          tally.read += 1
          const operation = `${adapter.configName} ${name}`
          tally.read_by[operation] = (tally.read_by[operation] ?? 0) + 1
          return [
            ...flawsOf(result),
            ...flawsOfFree(
              result,
              answers.map(({ text }) => text),
            ),
          ]
        },
        (error: unknown) => {
          if (!(error instanceof LspFailure))
            return [`threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`]
          tally.failures[error.code] = (tally.failures[error.code] ?? 0) + 1
          return flawsOfFailure(error, NOW)
        },
      )
      const { user, system } = process.cpuUsage(startedAt)
      const elapsedMs = (user + system) / 1_000
      if (elapsedMs > TOO_LONG_MS) flaws.push(`took ${elapsedMs} ms`)
      if (isPolluted()) flaws.push('changed what all objects share')
      tally.calls += 1
      tally.answers += answers.length || 1
      tally.slowestMs = Math.max(tally.slowestMs, elapsedMs)
      for (const { text } of answers) tally.characters += text.length
      if (flaws.length > 0)
        throw new Error(
          `seed ${SEED + run}, ${adapter.configName} ${name}: ${flaws.slice(0, 5).join('; ')}\n${answers.map(({ status, text }) => `${status} ${text.slice(0, 3_000)}`).join('\n')}`,
        )
    }
    const grownMb = (process.memoryUsage().rss - before) / 1e6
    process.stdout.write(
      `fuzz: seed ${SEED}, ${tally.answers} answers (${Math.round(tally.characters / 1e6)} MB) to ${tally.calls} calls: ${tally.read} read, ${Object.entries(
        tally.failures,
      )
        .map(([code, count]) => `${count} ${code}`)
        .join(', ')}; slowest ${tally.slowestMs.toFixed(1)} ms, ${grownMb.toFixed(0)} MB more memory\n`,
    )
    expect(grownMb).toBeLessThan(400)
  })

  it('are rejected for no unreadable optional field, and for each unreadable required one', async () => {
    const random = new Random(SEED)
    const all = (await Promise.all(OPERATIONS.map((operation) => targetsOf(operation)))).flatMap(
      ({ targets }) => targets,
    )
    /** Of a document that is about something else once none of its limits can be read, some are left alone. */
    const isLimit = (path: readonly string[]) => /^(min|max)_/.test(path.at(-1) ?? '')
    for (let run = 0; run < ANSWERS / 4; run++) {
      const { exchange, honest, body, fields, isMain, outcome, run: runWith } = random.pick(all)
      const optional = fields.filter(({ isOptional, path }) => isOptional && !isLimit(path))
      const others = slots({ value: copy(random.pick(DOCUMENTS)) }).map(({ value }) => write(value))
      let mutated = body
      for (const { path } of optional.filter(() => random.chance(0.5)).toReversed()) {
        const value = random.chance(0.5)
          ? parsed(random.pick(others))
          : random.pick(breaksOf(valueAt(mutated, path)))[1]
        mutated = withValueAt(mutated, path, value)
      }
      const read = readDocument(exchange.answer, mutated)
      const where = `run ${run}, ${honest.name}: ${JSON.stringify(mutated)}`
      if (read.problem !== null) throw new Error(`${where}: rejected, ${read.problem}`)
      if (isMain && outcome.failure === null) {
        const { failure } = await runWith(mutated)
        if (failure !== null) throw new Error(`${where}: failed, ${failure.message}`)
      }
      const required = fields.filter(({ isOptional, isGivenTwice }) => !isOptional && !isGivenTwice)
      if (required.length === 0) continue
      const target = random.pick(required)
      const broken = random.pick(breaksOf(valueAt(mutated, target.path)))[1]
      if (
        isBroken(target, broken) &&
        readDocument(exchange.answer, withValueAt(mutated, target.path, broken)).problem === null
      )
        throw new Error(`${where}: not rejected with ${target.path.join('.')} broken`)
    }
  })

  it('were reached in every operation, by answers that they could read', () => {
    const unread = OPERATIONS.map(({ adapter, name }) => `${adapter.configName} ${name}`).filter(
      (operation) => !tally.read_by[operation],
    )
    expect(unread).toEqual([])
    expect(tally.read / tally.calls).toBeGreaterThan(0.15)
  })

  it('fail in every way that there is but those that need no answer', () => {
    expect(Object.keys(tally.failures)).toEqual(
      expect.arrayContaining([
        'BAD_RESPONSE',
        'UNAVAILABLE',
        'RATE_LIMITED',
        'NOT_FOUND',
        'INVALID_REQUEST',
        'CLIENT_REJECTED',
        'OPTION_MISMATCH',
        'WRONG_STATE',
      ]),
    )
  })
})

it('the same seed gives the same answers', () => {
  const [adapter] = ADAPTERS
  if (!adapter) throw new Error('no adapters')
  const made = () => hostileAnswer(adapter, 'GET', '/get_info', new Random(7))
  expect(made()).toEqual(made())
})
