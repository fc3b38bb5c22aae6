import { closeSync, existsSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseError } from './engine.ts'
import { DatabaseUnavailable } from './unavailable.ts'

/** The database itself, and what SQLite keeps beside it while it is open. */
const SUFFIXES = ['', '-wal', '-shm'] as const

/**
 * Creates the file, with its folder, if it is missing. Only its owner may read it: it holds access tokens. SQLite gives
 * the files beside it the same mode. A file that exists is not opened: closing it would end SQLite's locks on it.
 * @returns its path without symbolic links.
 * @throws DatabaseError
 */
export function createDatabaseFile(path: string): string {
  try {
    if (!existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      closeSync(openSync(path, 'a', 0o600))
    }
    return realpathSync(path)
  } catch (error) {
    throw new DatabaseError(`the database ${path} cannot be opened: ${(error as Error).message}`, {
      cause: error,
      isConfiguration: true,
    })
  }
}

/** Notices when the files of an open database were deleted or replaced: SQLite goes on writing to the old ones. */
export class FileWatch {
  readonly #path: string
  readonly #known = new Map<string, { dev: number; ino: number }>()

  /** `path`: without symbolic links, which could lead elsewhere later. */
  constructor(path: string) {
    this.#path = path
    this.assertSame()
  }

  /** @throws DatabaseUnavailable when what is written now would be lost. */
  assertSame(): void {
    for (const suffix of SUFFIXES) {
      const known = this.#known.get(suffix)
      const there = statSync(this.#path + suffix, { throwIfNoEntry: false })
      if (known === undefined && there !== undefined) this.#known.set(suffix, { dev: there.dev, ino: there.ino })
      if (known === undefined || (there?.ino === known.ino && there.dev === known.dev && there.nlink > 0)) continue
      throw new DatabaseUnavailable(
        'FILE_REPLACED',
        `the database file ${this.#path}${suffix} was ${there === undefined ? 'deleted' : 'replaced'} while the gateway runs: put the same file back, or stop the gateway`,
      )
    }
  }
}
