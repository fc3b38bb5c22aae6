import type { Db } from './database.ts'

/** For whom money was first to be sent to each payment hash, and to each on-chain address. */
export class DestinationStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /**
   * Makes it that of a placement or a renewal, unless it is another's.
   * @returns whose it is.
   */
  async claim(destination: string, holder: string): Promise<string> {
    await this.#db
      .insertInto('destinations')
      .values({ destination, holder })
      .onConflict((conflict) => conflict.column('destination').doNothing())
      .execute()
    const first = await this.#db
      .selectFrom('destinations')
      .select('holder')
      .where('destination', '=', destination)
      .executeTakeFirstOrThrow()
    return first.holder
  }
}
