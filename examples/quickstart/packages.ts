// What is installed on this machine: counts dpkg's or apk's packages, else the files in /usr/bin.

type Found = { kind: string; names: string[]; kilobytes: number };

function dpkg(text: string): Found {
  const names: string[] = [];
  let kilobytes = 0;
  for (const entry of text.split("\n\n")) {
    const field = (name: string) => entry.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1] ?? "";
    if (!field("Status").endsWith(" installed")) continue;
    names.push(field("Package"));
    kilobytes += Number(field("Installed-Size"));
  }
  return { kind: "dpkg", names, kilobytes };
}

function apk(text: string): Found {
  const names = [...text.matchAll(/^P:(.*)$/gm)].map((match) => match[1]);
  const bytes = [...text.matchAll(/^I:(\d+)$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
  return { kind: "apk", names, kilobytes: Math.round(bytes / 1024) };
}

async function programs(folder: string): Promise<Found> {
  const names: string[] = [];
  let bytes = 0;
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.isFile) continue;
    names.push(entry.name);
    bytes += (await Deno.stat(`${folder}/${entry.name}`)).size;
  }
  return { kind: folder, names, kilobytes: Math.round(bytes / 1024) };
}

async function look(): Promise<Found> {
  const lists: [string, (text: string) => Found][] = [
    ["/var/lib/dpkg/status", dpkg],
    ["/lib/apk/db/installed", apk],
  ];
  for (const [file, read] of lists) {
    try {
      const found = read(await Deno.readTextFile(file));
      if (found.names.length) return found;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      console.log(`there is no ${file}`);
    }
  }
  return await programs("/usr/bin");
}

export async function main(longest: number = 2) {
  const { kind, names, kilobytes } = await look();
  console.log(`${names.length} packages or programs, according to ${kind}`);
  names.sort((a, b) => b.length - a.length || a.localeCompare(b));
  const first = names.slice(0, longest);
  console.log(`the longest names: ${first.join(", ")}`);
  return { kind, count: names.length, megabytes: Math.round(kilobytes / 1024), longest: first };
}
