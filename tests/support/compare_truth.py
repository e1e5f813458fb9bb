"""compare_truth.py REPORT TRUTH: does the saturation bracket that the tool reports hold the simulated host's true knee?
REPORT is a report.json; TRUTH the JSON text that `kneepoint-simhost --print-truth` prints.
Prints both; exits 0 when the truth lies within the bracket, 1 when it does not or when no bracket was found."""
import json
import sys


def main(report_path, truth_text):
    with open(report_path, encoding="utf-8") as file:
        report = json.load(file)
    truth = json.loads(truth_text)["saturation_concurrency"]
    saturation = report["results"][0]["saturation"]
    print(f"\ntrue saturation:     {truth:.1f} concurrent requests (computed from the simulated host's model)")
    if saturation["ci95"] is None:
        print(f"measured saturation: none found; at least {saturation['lower_bound']}")
        return 1
    low, high = saturation["ci95"]
    point = saturation["concurrency"]
    if point is None:
        print(f"measured saturation: between {low:.1f} and {high:.1f}")
    else:
        print(f"measured saturation: {point:.1f}, bracket [{low:.1f}, {high:.1f}]")
    inside = low <= truth <= high
    print("the truth lies within the bracket" if inside else "WRONG: the truth lies outside the bracket")
    return 0 if inside else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
