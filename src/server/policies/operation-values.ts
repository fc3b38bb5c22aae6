import { Kind, valueFromASTUntyped, type FieldNode, type OperationDefinitionNode, type ValueNode } from 'graphql'

/**
 * What an operation's arguments will be once its variables are filled in: those that were sent, and the defaults that
 * the operation gives to those that were not. (A limit that reads only what was sent passes `$n: Int = 1000000`.)
 */
export class OperationValues {
  readonly #variables: Readonly<Record<string, unknown>>
  readonly #defaults: ReadonlyMap<string, ValueNode>

  constructor(operation: OperationDefinitionNode, variables: unknown) {
    this.#variables = typeof variables === 'object' && variables !== null ? (variables as Record<string, unknown>) : {}
    this.#defaults = new Map((operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) => (defaultValue ? [[variable.name.value, defaultValue]] : [])))
  }

  /** undefined when the argument is not given, and the schema's own default holds. An Int literal is a number, an enum's a string. */
  argument(field: FieldNode, name: string): unknown {
    const value = field.arguments?.find((argument) => argument.name.value === name)?.value
    return value && this.#valueOf(value)
  }

  /** How many entries the argument's lists have; one that is over `most` is not counted to its end. */
  sizeOfArguments(field: FieldNode, most: number): number {
    let size = 0
    for (const { value } of field.arguments ?? []) {
      size += value.kind === Kind.VARIABLE || value.kind === Kind.LIST || value.kind === Kind.OBJECT ? entries(this.#valueOf(value), most - size) : 0
      if (size > most) break
    }
    return size
  }

  #valueOf(value: ValueNode): unknown {
    if (value.kind !== Kind.VARIABLE) return valueFromASTUntyped(value, this.#variables)
    const name = value.name.value
    if (Object.hasOwn(this.#variables, name) && this.#variables[name] !== undefined) return this.#variables[name]
    const byDefault = this.#defaults.get(name)
    return byDefault && valueFromASTUntyped(byDefault)
  }
}

/** Without recursion: a hundred kilobytes of `[` are deeper than the stack. */
function entries(value: unknown, most: number): number {
  const open: unknown[] = [value]
  let count = 0
  while (open.length > 0 && count <= most) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    const children: unknown[] = Object.values(next)
    if (Array.isArray(next)) count += children.length
    for (const child of children) open.push(child)
  }
  return count
}
