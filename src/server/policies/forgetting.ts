import { getOperationAST, type ExecutionArgs } from 'graphql'
import type { Plugin, YogaInitialContext } from 'graphql-yoga'

/**
 * Lets go of all that an operation was asked with, but for its document and the variables that the document declares.
 * Yoga keeps the rest for as long as the operation runs: seconds when it waits for LSPs, days when it is a
 * subscription. What takes three bytes to send, as `{},`, takes sixty to keep.
 */
export function forgetParams(): Plugin {
  const forget = ({
    args,
  }: {
    args: Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues' | 'contextValue'>
  }) => {
    args.variableValues = declared(args)
    const { params } = args.contextValue as YogaInitialContext
    // Not replaced, but emptied: we are not the only ones who hold it.
    for (const name of Object.keys(params)) delete (params as Record<string, unknown>)[name]
  }
  return { onExecute: forget, onSubscribe: forget }
}

function declared({
  document,
  operationName,
  variableValues,
}: Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues'>): Record<string, unknown> {
  const names =
    getOperationAST(document, operationName)?.variableDefinitions?.map(({ variable }) => variable.name.value) ?? []
  return Object.fromEntries(
    names.flatMap((name) =>
      variableValues && Object.hasOwn(variableValues, name) ? [[name, variableValues[name]]] : [],
    ),
  )
}
