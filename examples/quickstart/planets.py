"""Kepler's third law in a table of the planets: year = distance to the power of 1.5."""

import csv
import math
import statistics


def main(table: str) -> dict:
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    print(f"read {len(rows)} planets")

    distances = [math.log(float(row["distance_million_km"])) for row in rows]
    years = [math.log(float(row["year_days"])) for row in rows]
    fit = statistics.linear_regression(distances, years)
    print(f"year = distance ^ {fit.slope:.4f}")

    densities = {}
    for row in rows:
        radius = float(row["diameter_km"]) * 1000 / 2
        density = float(row["mass_1e24_kg"]) * 1e24 / (4 / 3 * math.pi * radius**3)
        densities[row["planet"]] = density
        print(f"{row['planet']:8} {density:5.0f} kg per cubic metre")
    return {
        "planets": len(rows),
        "exponent": round(fit.slope, 3),
        "median_density": round(statistics.median(densities.values())),
        "would_float": [name for name, density in densities.items() if density < 1000],
    }
