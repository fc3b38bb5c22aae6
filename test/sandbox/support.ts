import { setTimeout as wait } from 'node:timers/promises'
import type { SandboxLsp } from '../../src/sandbox/index.ts'

export const STEP_MS = 30

/** What an LSP answered. */
export class Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown

  constructor(status: number, headers: Headers, body: unknown) {
    this.status = status
    this.headers = headers
    this.body = body
  }

  /** The value at a dotted path of the document. */
  at(path: string): unknown {
    return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], this.body)
  }

  text(path: string): string {
    const value = this.at(path)
    if (typeof value !== 'string') throw new Error(`no text at ${path}: ${JSON.stringify(this.body)}`)
    return value
  }
}

async function send(lsp: SandboxLsp, path: string, init: RequestInit): Promise<Answered> {
  const url = path.startsWith('http') ? path : lsp.url + path
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) })
  return new Answered(response.status, response.headers, parse(await response.text()))
}

/** `path` is added to the LSP's url, or is an address of its own. */
export function get(lsp: SandboxLsp, path: string): Promise<Answered> {
  return send(lsp, path, { method: 'GET' })
}

/** A text is sent as it is, everything else as JSON. */
export function post(lsp: SandboxLsp, path: string, body: unknown): Promise<Answered> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return send(lsp, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: text })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Asks again until the value at `path` is the one that is waited for. */
export async function until(ask: () => Promise<Answered>, path: string, wanted: unknown, withinMs = 3_000): Promise<Answered> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer.at(path) === wanted) return answer
    if (Date.now() > deadline) throw new Error(`${path} never became ${String(wanted)}: ${JSON.stringify(answer.body)}`)
    await wait(STEP_MS / 5)
  }
}
