// Calls a script's main with the job's args. Leaves result.json, or error.json and exit code 1.
// PARAMETERS is [[name, "Date" or ""], …] in main's order, or null if they are not known.
const PARAMETERS: [string, string][] | null = null;

const folder = Deno.cwd();

function leave(name: string, content: string) {
  Deno.writeTextFileSync(`${folder}/${name}`, content);
}

function toDate(value: unknown) {
  return typeof value === "string" || typeof value === "number" ? new Date(value) : value;
}

async function streamed(chunks: AsyncIterable<unknown>): Promise<string> {
  let whole = "";
  for await (const chunk of chunks) {
    const text = typeof chunk === "string" ? chunk : String(chunk);
    console.log("WM_STREAM: " + text.replaceAll("\n", "\\n"));
    whole += text;
  }
  return whole;
}

async function run(): Promise<number> {
  try {
    const args = JSON.parse(Deno.readTextFileSync(`${folder}/args.json`));
    const script = await import("./main.ts");
    const main = script[args._ENTRYPOINT_OVERRIDE ?? "main"];
    if (typeof main !== "function") {
      throw new Error(`${args._ENTRYPOINT_OVERRIDE ?? "main"} function is missing`);
    }
    delete args._ENTRYPOINT_OVERRIDE;
    const values = PARAMETERS
      ? PARAMETERS.map(([name, kind]) => (kind === "Date" ? toDate(args[name]) : args[name]))
      : [args];
    let result = await main(...values);
    if (result?.[Symbol.asyncIterator] && typeof result.next === "function") {
      result = await streamed(result);
    }
    const json = JSON.stringify(
      result ?? null,
      (_, value) =>
        typeof value === "bigint" ? value.toString() : value === undefined ? null : value,
    );
    leave("result.json", json ?? "null");
    return 0;
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(text(thrown));
    const stack = (error.stack ?? error.message)
      .split("\n").filter((line) => !line.includes(import.meta.url)).join("\n");
    console.error(stack);
    const found: Record<string, unknown> = { message: error.message, name: error.name, stack };
    const step = Deno.env.get("WM_FLOW_STEP_ID");
    if (step) found.step_id = step;
    leave("error.json", JSON.stringify(found));
    return 1;
  }
}

function text(thrown: unknown): string {
  return typeof thrown === "string" ? thrown : Deno.inspect(thrown);
}

Deno.exit(await run());
