import { describe, expect, test } from 'vitest'
import type { OrderReading } from '../../src/domain/reading.ts'
import { readDocument } from '../../src/protocols/document.ts'
import { breaksOf, isBroken, withValueAt } from '../upstream/fuzz/breaks.ts'
import { CORPUS } from '../upstream/fuzz/corpus.ts'
import { OPERATIONS } from '../upstream/fuzz/operations.ts'
import { honestAnswers, outcomeOf, targetsOf, usual, valueAt, type AnyExchange } from '../upstream/fuzz/targets.ts'

// Every field of every answer is broken in a dozen ways. The classes of the fields come from the declarations: a field
// without one fails this test.

const priceOf = (result: unknown) => {
  const payment = (result as OrderReading | null)?.payment
  return Math.max(...[payment?.bolt11, payment?.bolt12, payment?.onchain].map((option) => option?.orderTotalSat ?? 0))
}

/** The empty object is how bLIP-51 states that a channel is free: nothing shows that it was a mutation. */
function isDocumentedAsFree(body: unknown): boolean {
  const { payment } = body as { payment?: unknown }
  return typeof payment === 'object' && payment !== null && Object.keys(payment).length === 0
}

describe.each(OPERATIONS.map((operation) => [operation.adapter.configName, operation.name, operation] as const))(
  '%s %s',
  (_configName, _name, operation) => {
    test('reads documents whose every field has a class', async () => {
      const { targets, undeclared } = await targetsOf(operation)
      const asked = (await outcomeOf(operation, usual(operation))).exchanges
      if (asked.length > 0) expect(targets.length).toBeGreaterThan(0)
      expect(undeclared).toEqual([])
    })

    test('is not rejected for an optional field, and always for a required one, and never becomes free', async () => {
      const { targets } = await targetsOf(operation)
      const wrong: string[] = []
      for (const { exchange, honest, body, fields, outcome, isMain, run } of targets) {
        for (const declared of fields) {
          for (const [how, broken] of breaksOf(valueAt(body, declared.path))) {
            const mutated = withValueAt(body, declared.path, broken)
            const where = `${honest.name}, ${declared.path.join('.')}: ${how}`
            const read = readDocument(exchange.answer, mutated)
            const after = isMain ? await run(mutated) : null
            if (declared.isOptional) {
              if (read.problem !== null) wrong.push(`${where}: rejected, ${read.problem}`)
              if (after?.failure) wrong.push(`${where}: failed, ${after.failure.message}`)
            } else if (isBroken(declared, broken) && !declared.isGivenTwice) {
              if (read.problem === null) wrong.push(`${where}: not rejected`)
              if (after && after.failure?.code !== 'BAD_RESPONSE') wrong.push(`${where}: not failed`)
            }
            const wasFree = (outcome.result as OrderReading | null)?.free ?? false
            const isFree = (after?.result as OrderReading | null)?.free ?? false
            if (isFree && !wasFree && priceOf(outcome.result) > 0 && !isDocumentedAsFree(mutated))
              wrong.push(`${where}: free`)
          }
        }
      }
      expect(wrong.slice(0, 20)).toEqual([])
    })
  },
)

test('every recorded answer is among those that were broken', async () => {
  const names = (await Promise.all(OPERATIONS.map((operation) => targetsOf(operation)))).flatMap(({ targets }) =>
    targets.map(({ honest }) => honest.name),
  )
  const recorded = CORPUS.map(({ name }) => name).filter((name) =>
    /^(?!lsps0|cases).*(create|get|info|estimate_fees|rate_decision|retry_delivery|open|refund_post|refund_get|jit_post|lnurl_get|_order|_info)\.response\.json$/.test(
      name,
    ),
  )
  expect(recorded.length).toBeGreaterThan(20)
  expect(recorded.filter((name) => !names.includes(name))).toEqual([])
})

test('an unreadable optional field is reported by its path, without its value', () => {
  const operation = OPERATIONS.find(({ adapter, name }) => adapter.configName === 'lsps1' && name === 'readOrder')
  if (!operation) throw new Error('no operation')
  const exchange = { method: 'GET', path: '/get_order' } as AnyExchange
  const honest = honestAnswers(operation, exchange)[0]?.body
  return outcomeOf(operation, () => honest).then(({ exchanges }) => {
    const schema = exchanges[0]?.answer
    if (!schema) throw new Error('nothing was asked')
    const broken = {
      ...(honest as object),
      created_at: 'a secret',
      channel: { funded_at: {}, funding_outpoint: 'ab:0' },
    }
    expect(readDocument(schema, broken)).toMatchObject({
      problem: null,
      unreadFields: ['created_at', 'channel.funded_at'],
    })
  })
})
