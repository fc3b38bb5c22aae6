import type { z } from 'zod'
import type { LspCall } from './adapter.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'

// The query parameter of GET /lsp/channel in draft 0.0.1: `order_id` in seed 002, `id` in seed 004. A strict server knows
// one of them.

type IdName = 'order_id' | 'id'

/** Keys in `LspCall.memory`. PROVEN: a GET with this name had the order. */
const ID_NAME = 'idName'
const ID_NAME_PROVEN = 'idNameProven'

/** The LSP answered, and the answer may be about the name of the parameter. */
const REFUSED: ReadonlySet<FailureCode> = new Set([
  'NOT_FOUND',
  'INVALID_REQUEST',
  'OPTION_MISMATCH',
  'BAD_RESPONSE',
  'UNSUPPORTED',
  'WRONG_STATE',
])

/** `temporary_scid` in the answer to a POST came with the text that calls the parameter `id`. */
export function expectIdName({ memory }: LspCall, temporaryScid: string | null): void {
  if (!memory?.has(ID_NAME_PROVEN)) memory?.set(ID_NAME, temporaryScid === null ? 'order_id' : 'id')
}

/** GET /lsp/channel with one parameter. The other name is tried if the LSP refuses the first one. @throws LspFailure */
export async function getById<Answer extends { order_id: string }>(
  call: LspCall,
  lspOrderId: string,
  answer: z.ZodType<Answer>,
): Promise<Answer> {
  const ask = async (name: IdName) => {
    const document = await call.http.exchange({
      method: 'GET',
      path: '/lsp/channel',
      query: { [name]: lspOrderId },
      answer,
    })
    if (document.order_id === lspOrderId) call.memory?.set(ID_NAME, name).set(ID_NAME_PROVEN, 'yes')
    return document
  }
  const name: IdName = call.memory?.get(ID_NAME) === 'order_id' ? 'order_id' : 'id'
  try {
    return await ask(name)
  } catch (first) {
    if (call.memory?.has(ID_NAME_PROVEN) || !isRefusal(first)) throw first
    return await ask(name === 'id' ? 'order_id' : 'id').catch((second: unknown) => {
      // A refusal of a wrong name may read "not found". It must not hide that the LSP failed under the right name.
      throw isRefusal(second) && second.code !== 'NOT_FOUND' ? first : second
    })
  }
}

function isRefusal(error: unknown): error is LspFailure {
  return error instanceof LspFailure && REFUSED.has(error.code)
}
