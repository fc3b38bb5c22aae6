import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/**
 * A small file beside an embedded database that has the position of its last event. If the database is behind it, an
 * older copy of the database was put in its place.
 */
export class PositionFile {
  readonly #path: string
  #written: number | null = null

  /** `databasePath`: without symbolic links. */
  constructor(databasePath: string) {
    this.#path = `${databasePath}.position`
  }

  /** 0: there is none, or it cannot be read. */
  read(): number {
    try {
      const position = Number(readFileSync(this.#path, 'utf8'))
      return Number.isSafeInteger(position) ? position : 0
    } catch {
      return 0
    }
  }

  /** Never throws: a disk that is full must not stop the gateway for this. */
  write(position: number): void {
    if (position === this.#written) return
    const next = `${this.#path}.new`
    try {
      writeFileSync(next, `${position}\n`, { mode: 0o600 })
      renameSync(next, this.#path)
      this.#written = position
    } catch {
      rmSync(next, { force: true })
    }
  }
}
