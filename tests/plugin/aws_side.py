"""What AWS does while a job runs, in the toolkit's own Python; AWS_ENDPOINT_URL leads to a server of our own.

PYTHON aws_side.py bucket NAME: makes a bucket.
PYTHON aws_side.py done JOB FOLDER: puts a model where the job leaves its own.
"""

import io
import sys
import tarfile

import boto3


def make_bucket(name):
    boto3.client("s3").create_bucket(Bucket=name)


def finish(job, folder):
    described = boto3.client("sagemaker").describe_training_job(TrainingJobName=job)
    bucket, _, prefix = described["OutputDataConfig"]["S3OutputPath"].removeprefix("s3://").rstrip("/").partition("/")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/{job}/output/model.tar.gz", Body=packed.getvalue())


if __name__ == "__main__":
    {"bucket": make_bucket, "done": finish}[sys.argv[1]](*sys.argv[2:])
